"""A pause of the queue of downloads, over all workers.

The pause is the setting `youtube.pause`. The statement that takes a download looks for it, so that every claim that
begins after the pause was committed sees it. Claims of the release before call the same function, and stop too.
"""

from typing import Final

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

_CLAIM: Final = """
CREATE OR REPLACE FUNCTION medianest_claim_next_download(
    worker text, lease_seconds double precision, max_running int, max_attempts int
)
RETURNS SETOF youtube_downloads LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most numeric := coalesce(max_running, medianest_max_running_downloads());
    is_limited boolean := most < 2147483647;
    moment timestamptz := clock_timestamp();
    somebody_is_silent boolean;
BEGIN
    IF is_limited THEN
        IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
            RAISE EXCEPTION 'a claim in this isolation would count on an old snapshot'
                USING ERRCODE = 'invalid_transaction_state';
        END IF;
        somebody_is_silent := EXISTS (
            SELECT FROM youtube_downloads
            WHERE status = 'downloading' AND (lease_expires_at <= moment OR lease_expires_at IS NULL)
                AND medianest_can_change(youtube_downloads)
        );
        -- Most claims of idle workers end here, without the lock.
        IF NOT somebody_is_silent AND NOT (
            (
                SELECT count(*) FROM youtube_downloads
                WHERE status = 'downloading'
                    AND (lease_expires_at > moment OR medianest_can_change(youtube_downloads))
            ) < most
            AND EXISTS (
                SELECT FROM youtube_downloads
                WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads){not_paused}
            )
        ) THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock(5903318274460197125);
        IF somebody_is_silent THEN
            PERFORM medianest_release_expired_downloads(max_attempts);
        END IF;
        IF (
            SELECT count(*) FROM youtube_downloads
            WHERE status = 'downloading' AND (lease_expires_at > moment OR medianest_can_change(youtube_downloads))
        ) >= most THEN
            RETURN;
        END IF;
    END IF;
    LOOP
        moment := clock_timestamp();
        RETURN QUERY
        UPDATE youtube_downloads SET
            status = 'downloading', attempts = attempts + 1, worker_id = worker, progress = 0, started_at = moment,
            lease_expires_at = moment + lease_seconds * interval '1 second'
        WHERE id = (
            SELECT id FROM youtube_downloads
            WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads){not_paused}
            ORDER BY priority DESC, scheduled_at, created_at
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING *;
        EXIT WHEN FOUND OR is_limited;
        EXIT WHEN medianest_release_expired_downloads(max_attempts) = 0;
    END LOOP;
END
$$;
"""

_NOT_PAUSED: Final = """
                AND NOT EXISTS (
                    SELECT FROM system_config
                    WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > moment
                )"""

# Whoever writes something else than a timestamp has paused the queue all the same; no claim fails for it.
_PAUSE_ENDS_AT: Final = """
CREATE FUNCTION medianest_pause_ends_at(pause jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (
            jsonb_path_query_first_tz(
                pause, '$.until.datetime() ? (@.type() starts with "timestamp")', silent => TRUE
            ) #>> '{}'
        )::timestamptz,
        'infinity'
    )
$$;
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return _PAUSE_ENDS_AT + _CLAIM.format(not_paused=_NOT_PAUSED)


async def downgrade(db: BaseDBAsyncClient) -> str:
    return _CLAIM.format(not_paused="") + "DROP FUNCTION medianest_pause_ends_at(jsonb);"


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1z2zYS/isYfYkzo3oSN2k6bqczsq0kuspWzpaTXusODYuwhDEJqCRoR5fLf78FSE"
    "okSEok9RKK4RdbArEA9OCF+2B3gS8tm5vEcg87I0EfqZj1+bh1jL60GLYJfEh73EYtPJ0u"
    "HsoEge8slR8HGQ2Lj9UTfOcKB1Lh4T22XAJJJnFHDp0KypkUGTCCxISyMfzFAj1hF5mckU"
    "PUE4h7wqKPxIVHBHkucdDThCOTmoiKQ1m8yUdQPgivXZLH6D8eMQQfE8jiQHl//Q3JlJnk"
    "M3Hl1y+te0osU31uySIMakrJkUOwIKaBRUtKkM9Th7gu/Do3LCREk342YgAZQSlGpAiJ5m"
    "yqsrdUaQCf+vK1jWItkCUBgus1wC+kVP1xGYCiaN1lKiVMSHmVWWb0v67dD5FijXmZ+Roo"
    "y50+GKqNsanjN0qlG6Hs9XXv7K3KKcfunTHilmezRe7pTEygO8LsnkfNQykjn40JI45sT2"
    "QqMc+ygqkXJvnjGBKE45H5ADYXCSa5x54lJ2Tr13uPqQGAbGJSzIgrjGDGB//usEsOGXkC"
    "OH4L2hyRv/rHOvO/HTxblCBbbTy+OXj+7HkrMd1li7V5GySNoKMAVcqE7K8vX/3aFvip1J"
    "as9vR95/Lgx59U6VPuirGjHip0W1+VIBbYWAybRacsJk28Yz5iZzTBTnrfLIS0/oH2lumZ"
    "MGHRNYulMcQ2xCmGt2FcDIbGVXdoGGsg27LxZ8MibCwm8PXlixdLoP7YuVRoQy4FN4e13F"
    "/pL4JHR/6zr2qmhjBr07QA1ppkKcCDgV5NvF/ngft1Ntqvs8BOW2/yQJ268tQA6KPXr3Mg"
    "DbkyoVbP4ljbRGC5uCSh/tfV4CId56iMBrNJRwL9D1nUFfsH9xJ0JRiyZNt1/7GioB6cd/"
    "7Q8T7tD070pVwWcKJhT6cGNk35Ti840OOC9Rvpr/IM9FfZ4/xVYpgrvRQDJiIJ9RCUn3Sc"
    "41J1wHkJrsPuH0MNtbi+qKFGbdCNsD1Nhy4uqq8S8EiA/GH4YadKxwV/OtiSIjfsnXevhp"
    "3zD7G14qwz7MonRyp1pqUe/KSN43kh6FNv+B7Jr+jPwUVXX1Lm+YZ/SlrRwp7gBuNPcm2I"
    "oBEmh0nJeVFMsY+IrKHd78+8WKGcS7p0/5Cqm0ukksi+5Q6hY/Y7mSl8e9AOzEZpymFAWa"
    "6DYvYS0UXqookOfprTy+hwgp8OP5gI9eOhfnRx3e/7hPQOjx6esGMaMajlE37EtZR53uQj"
    "+8jWUzCDBd4MfoZsdIB6n4+wdeoQU2qV2GqlbCLpWdrLNpIsmVky8CB3zs2kYbi7I+tGmJ"
    "loil33iTsm4vcIL3Z+RpghF8YVogw9URhHnkAfLPK5jVxvNEHY3yi6p44rEDZtypLbTVuu"
    "a/WGVLP1sE9bD3I4qM/FlNeo2Ga2H1b3zn5vPoSz0Jhgd5JE+z2kpkOdEKzFdk9eEqwRXQ"
    "+mE4xKNiZGiEsSyxPOLYJZBu/NKEJD9Q7K2Bas85Qorumvjk3geTIY9GOq7ElvqA3c6/OT"
    "LoxoNZ4hE/Xf3r0LnUt4U7Msl4iLNlyi4RJVfiFskEoU0XxX0Y4BI0MOfzZLOioJfWnOcd"
    "q5Ou2cdTXKsRaNOJeq3CUBcFzRSuEQsedLCYRSCg3Hz5qTPXSUzv7MBS3dnaB77oAWL6iw"
    "yCHqCGTDEEScERQUGs2ADm6FDVhS87aNbv265RC5fY6oi/iUMISFygxLb4JJ7LDejZi52z"
    "ntvfE+WMvaDRNQeO5m2uGXtSujt1Z5mVqDLlbvsHkXF686KMaIlJG7CfyROC4hjhoNhWuO"
    "SWfX2RDafSK0agEqyGbnMrWgVrplN59pd5ltN0Fm43O1ANJxwVrCvWlDemSZLTKkF1J1MH"
    "ntYIOGlsKZNjgXxHmhM8VhvhJOl3n2qQ+tjvNCaneLRgsUVVOilQA7+iCurH/oXpz1Lt4d"
    "oyDLDet8+HA5+Ng9O0ZACxzQOUxI+9jp9Tsn/S4kPmKqWnnD3kKizHcPKcTU9fFc3iV5+u"
    "sou7uOEr2l60gFpoYuWr/5sRVnnkA9NYo69OhyjVNPeaeexmei7vucI25P5Y5RuT7WhDfQ"
    "y/sz4fauq6uzpV3dTt0X/5iKQrrhzeoMqIMdQt+SlqJBnwTyb3+/JBbOiA5I2bK+UuVeq2"
    "Jr1Adft+lZlInfCvOAjnVOU4GR7Pt8MWy+pdt3/VElhvv1z1zkl9lGTw4VgihHIOnyA6Uy"
    "148u8UPWbGySzNC2TVdQ0BQQ4lMi2GoZwMai3Cbgqn6bxPuzB1F83azdFgSo4i4swilaeq"
    "bPf0SkDrsOjcN/Q17TtoiKvVviUg2vWc5rnIU7x5rURvcO2U90V1Kc+PAqynK2qatfAth9"
    "atNU353Fw6XauOwww5L5cirf7/kTKMVS6/V97ttI+sfAN8bZzOaei0bYspR/TRAG2Jb5TJ"
    "kH3ttTDkiHCvMTdD0Up3TlOzLGKjXF939Hdaao6DGfnLAo+dkvRmrXjtLJ/9LiHrPzLtP6"
    "9VJXaPqRzjNioo0+Xw99vgnC3VkQbnTCFgA6KlZl9lRFS+CIe2l491gG+0nIaYAH3bANwF"
    "/oaL9YA+GxrPWHo5ev3rz6+cefXv0MWVTL5ilvlmCeDF7QV/5CzEgXrhQ3iizYN6opBixK"
    "bASrN2WeIM/aiEn29Pym1TCoJmS6ZiahaiK6TYvQVrkStyz4ecspk55nOXPycxvfjEFhFD"
    "Qh4DTb402Jmm7YDbtVr2H3FmFHHgTIXWUskRTLwq5A0PGPUPEU3iuuCsWe0NEEUf+gQFlJ"
    "GxEs47ERtE9MQlm/grb6DIq8CsCQodq/ICygTuBDFNppYHEbzTIioPi7SHCkGlWazREY3j"
    "CYcvK5MPcyRrdocB4+lxxSRqSAhtU1rK5hdQ2rqyar01bF/LQuKbg7XrdNyDdM8/zXbRLX"
    "juPgWZY/XyiiIZrTW7ZqkC7H66+/9ckfe3UWosVx0UqR4sYRsiG9DeltSG8O0ntFnEc6Iq"
    "0Urhs+ai+juK6fKXc8f5B/ftCWPHZLUs5BGDGTFoyfT2jD53NlKiOpa0KKAhKMgvW4T+W1"
    "j2wOU+JsreZcrSLhhCZ1pxaeGSWA1kVryGC2ArnnWCmKYvYBvH72OtDwYo54eEqNBzJLYt"
    "VlI2c2hR+dDlhE7vsDjTD5K4qe6haR2uFBbuFSGgVtvrxW+Bg3qPSejjMiTOeDMzvUVJNP"
    "iTSt1ShtIkS/S7bcnHVYwx5OMPgCgXcT6grupLzPiwTeBYTSjwN7vyhxz9TMbxJ0l4pdNm"
    "lPYLySwRvJnl7N5z9JF1muQuHI6MGPhAvJ+j33mJlk8/lECobChb8hCIWTJRc7Ey4dBGNR"
    "rhEvtDGyJibX/hlZax0Kd/3hGHnTG3Y2+HRxjEz+xOBz991l50wGuZlk7GCzKmFu0GVTqB"
    "HmO+gEhl3EMpgmWso2WDGdfNOmQeI43DFKxBMmBL8/Xh5f+osRnphoow5XSB2OHcwW0x9y"
    "Lj1xocYhIVh1lhgK3YVFaU1bYcQ2tWcQ57UXxkdXtUyGSo0e8gfCWqkUJPJ8BfVQOUHNh6"
    "xFbqeW+X3q4BCb2HfE+cEmKCjuF99r1PO9TWl4PDcorop32PghuHWawUvPz+JCbTa1ZhlX"
    "WG+1uh3dcx3Heq2jvws5rGr15vJV1erzwcp3zrVW3UI0u7aGtO0TaVMdW/gmobhUDczLeZ"
    "0z45psbDrkHdgxoV2fnVDbER4x4xP1or+HmogzdYq7IqcXUAeetgOf5MbTvrnEuNK7D42L"
    "8vexB9GY1evewzLoURKvUn2sCzcHL1e5qx0uyk7muGjTzVXu5uZ87frElVQU0r0NLJm5gt"
    "inyl2ylbZLHH3eXrpLrHIao0XWXHEmQgC6xwijBzJTl8FjJL0Z0SO2vNQrH1eJ+CcaeK7g"
    "Nv2vWqBv5Z2OIIaeJuoABZVPpvknQ4P8vSCO2vx1CTF/mX9CFsGPxA0CWgI5bHGW907IJp"
    "Jll5EsqZ7sSzcH1vFhrxi22w+qUMM/CXC2E/ZcYK2Lfiq64Ge5Ycd0ok3c9BNtZlJJzdyP"
    "0cS+vw2Zxju67mp97CVffDdGl244XJU7O5yTd0XtYgvBNcnc/nTuGlwuBtZuGF01cV1N6P"
    "QBGaN10Ap0cd3vfytep7BP4XNhn2TzOElUc58TMIW8XB4Jx5GNZ8q7RpKnKXcEBmwfYDYz"
    "dDeTidTxDwTAo8XJbhq1W6M0yfo6yOIjbKkD8p656HYKGaBvFP27VY+Of5XPJCS/3SIQo5"
    "ZfCmSwKHsgZaIaUpxdWv3Bp+7lwU2L2Jha8kxTzf1FYWyopwr7PP41y+pRvzT8aZn1xXLl"
    "rjfiSR83YORy9PFrDuI1yngxOdy/+Lx03bKAUjWXrrG5jmlPnT2ytxaCpaTg9kJEqnZbDF"
    "vx8kisUEXBjspWOe6nSqDPX0MFwJ7L1GFfYRcH5QdvsSIRbKHMDq+TD005cZTnqVro2lX3"
    "8lgpW6B6nZ33Lo4RNm3KdMXu2wSrqeVAhM7tcdxXnG4SF63DCC8YSNW4uNR8M0V5qVh8TF"
    "lpH5eodLNzVuXO3p/46Za8cveRJN9AkXRtB+J02PsoLwhVGW7Y1fWVvFxUxk67niuvF/2W"
    "wdOJjbbsvaDImVzyp1AxkzNszSu0O0FRfT7e2ymYPL8jfvNq5IbkDV44vodMIRde2hUX5c"
    "GKXa1Rw4GVcSfIGoClXElSQ9ySsaLlIdMjVOs4IWNeU+vipflq1XB4zbgnvDtiyINSLI7T"
    "bicogth/uDeE4s6C0uo0yAoZlyLMQJpJ5A62SZigOGVfKMR3wMiQw5/VKPdlmaexImsyNA"
    "sa5fThlmKfSxmR2aa61NmQy2xn4Zl0v5L3LN0RFMoT8xB11I4OmmAXYYFs4CIqPt5XsOc5"
    "/TD7sJhUW96Gq5AGvk8TahEZuy8NemE+qPFWpt0Ri7Oxujrq9ok7D8rdNrTy3VryXqlIWP"
    "vt5oL62zmNQ4neWiu6fy2rXLIpa1joNlJ/YzOroc3Mn7pGwdO4dbla2HGK7cDOIRBUpBkO"
    "VhjCdOE6bGHH92de53Jwfr3Ewfl10sF5jzbKIKtHzOQqEUmPv/P/fd29lrtifgb/vMH+oH"
    "PWu3h3jCKv0ht2Ojj/0O8OZeYRt6fSoQnyv+30+jLpHlOrKucRTh3KHSpSXNV6TCzpsajc"
    "7s4De5m4efpl8upp6dFzjF7csIvB5XmnL/PcsPe9d+8lfjlR96Msfjx689M8wEJ+WRZbcQ"
    "V19ZOnEWIBfHKatvNxZWPLygxYicrt9c3emwBxrosWXMZjcvVbwbdiZte1/OKmrZQCGutW"
    "pa1bowkxPaucuVoXbgzWFe3le9A6jCkWk5R3UXYAWlxqrSi0/ZnBWwlCUy4xAKxFFIct6Q"
    "qZKKB5reVzi3T4OP3oq0wVLCqy1ypYc7R2BfYjbCJw+l1M2YtvVKZZessvvY03Xt2VG+hB"
    "p2QPx0UbplLlbp7vppWayppw09VV7urmwKnmwKlvHp9czQOnOsSho0krxfUheNJe5vGAF3"
    "lWuTlkA9qc21Stc5vk9fCpp9ucZm4nRERqYR7ewSaCnFQFEA6y1xDdrRyOBTWK1BOzl95R"
    "LNKPy24OyFpFkAtEVmz+Zfb1/2hdU3w="
)
