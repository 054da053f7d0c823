"""Users take turns in the queue, and may have a limit of running downloads.

Each download in the queue has a turn, a number of its priority: one more than the last turn that was claimed, and than
the last one of its user that waits. So the second download of a user waits until every other user had a turn, and the
claim takes the lowest turn, in one scan of an index. (Such a number is the start tag of fair queueing.)

What is scheduled for later gets its turn when it is due, from the first claim after that: with the turn of when it was
queued, a night's downloads would all go before those of everybody else. A failed attempt is queued anew in this sense,
one that is given back keeps its turn. Triggers give the turns, so that rows of other clients have them too.
"""

from typing import Final

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

_TURNS: Final = r"""
-- The next turn of a user. One user's downloads get theirs one at a time, until the end of the transaction: of many
-- queued at once, each has to see the last. The head of the queue counts because the rows of claimed turns may be gone.
CREATE FUNCTION medianest_next_turn(owner uuid, level smallint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(owner::text, 5903318274460197126));
    RETURN greatest(
        (
            SELECT turn FROM youtube_downloads
            WHERE status <> 'queued' AND turn > 0 AND priority = level
            ORDER BY turn DESC LIMIT 1
        ),
        (
            SELECT turn FROM youtube_downloads
            WHERE status = 'queued' AND turn IS NOT NULL AND priority = level
            ORDER BY turn LIMIT 1
        ) - 1,
        (
            SELECT turn FROM youtube_downloads
            WHERE status = 'queued' AND turn IS NOT NULL AND priority = level AND user_id = owner
            ORDER BY turn DESC LIMIT 1
        ),
        0
    ) + 1;
END
$$;

-- Gives turns to the downloads that have become due. Those of a user whose downloads are being queued wait for the next
-- claim: no claim waits for a transaction of others.
CREATE FUNCTION medianest_give_turns() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    due record;
BEGIN
    FOR due IN
        SELECT id, user_id, priority FROM youtube_downloads
        WHERE status = 'queued' AND turn IS NULL AND priority IN (0, 10, 20) AND scheduled_at <= clock_timestamp()
            AND medianest_can_change(youtube_downloads)
        ORDER BY priority DESC, turn, scheduled_at, created_at LIMIT 100  -- as the index has it, for every plan
        FOR UPDATE SKIP LOCKED
    LOOP
        IF pg_try_advisory_xact_lock(hashtextextended(due.user_id::text, 5903318274460197126)) THEN
            UPDATE youtube_downloads SET turn = medianest_next_turn(due.user_id, due.priority) WHERE id = due.id;
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION medianest_set_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'queued' THEN
        NEW.turn := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.status IN ('completed', 'failed') OR OLD.priority <> NEW.priority
        OR (OLD.status = 'queued' AND OLD.turn IS NULL)
    THEN
        NEW.turn := medianest_next_turn(NEW.user_id, NEW.priority);
    END IF;
    -- Only now, so that those for later, too, are queued one at a time: lists with the same playlists can't deadlock.
    IF NEW.scheduled_at > clock_timestamp() THEN
        NEW.turn := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tr_youtube_downloads_turn_insert BEFORE INSERT ON youtube_downloads
    FOR EACH ROW WHEN (NEW.status = 'queued' AND NEW.turn IS NULL) EXECUTE FUNCTION medianest_set_turn();
-- A turn that nobody claimed must not count as claimed: neither that of a cancelled download, nor of another priority.
CREATE TRIGGER tr_youtube_downloads_turn_update BEFORE UPDATE OF status, priority, scheduled_at ON youtube_downloads
    FOR EACH ROW WHEN (
        NEW.status = 'queued' OR (OLD.status = 'queued' AND NEW.status <> 'downloading') OR OLD.priority <> NEW.priority
    ) EXECUTE FUNCTION medianest_set_turn();

-- The users with as many running downloads as the setting `youtube.concurrent_downloads_per_user` allows; none without
-- it. A running download that nobody can put back takes no place, as under the limit of all.
CREATE FUNCTION medianest_users_at_their_limit() RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(user_id), '{}') FROM (
        SELECT user_id FROM youtube_downloads
        WHERE status = 'downloading' AND (lease_expires_at > clock_timestamp() OR medianest_can_change(youtube_downloads))
        GROUP BY user_id
        HAVING count(*) >= (
            SELECT CASE WHEN jsonb_typeof(value -> 'max') = 'number' THEN (value ->> 'max')::numeric END
            FROM system_config WHERE key = 'youtube.concurrent_downloads_per_user'
        )
    ) AS busy
$$;
"""

_CLAIM: Final = """
CREATE OR REPLACE FUNCTION medianest_claim_next_download(
    worker text, lease_seconds double precision, max_running int, max_attempts int
)
RETURNS SETOF youtube_downloads LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most numeric := coalesce(max_running, medianest_max_running_downloads());
    most_of_user numeric := (
        SELECT CASE WHEN jsonb_typeof(value -> 'max') = 'number' THEN (value ->> 'max')::numeric END
        FROM system_config WHERE key = 'youtube.concurrent_downloads_per_user'
    );
    is_limited boolean := most < 2147483647 OR most_of_user IS NOT NULL;
    busy_users uuid[] := '{}';
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
                WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads)
                AND NOT EXISTS (
                    SELECT FROM system_config
                    WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > moment
                )
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
        IF most_of_user IS NOT NULL THEN
            busy_users := medianest_users_at_their_limit();
        END IF;
    END IF;
    PERFORM medianest_give_turns();
    LOOP
        moment := clock_timestamp();
        RETURN QUERY
        UPDATE youtube_downloads SET
            status = 'downloading', attempts = attempts + 1, worker_id = worker, progress = 0, started_at = moment,
            lease_expires_at = moment + lease_seconds * interval '1 second'
        WHERE id = (
            SELECT id FROM youtube_downloads
            WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads)
                AND user_id <> ALL (busy_users)
                AND NOT EXISTS (
                    SELECT FROM system_config
                    WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > moment
                )
            ORDER BY priority DESC, turn, scheduled_at, created_at
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

_CLAIM_BEFORE: Final = """
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
                WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads)
                AND NOT EXISTS (
                    SELECT FROM system_config
                    WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > moment
                )
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
            WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads)
                AND NOT EXISTS (
                    SELECT FROM system_config
                    WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > moment
                )
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


async def upgrade(db: BaseDBAsyncClient) -> str:
    return _TURNS + _CLAIM


async def downgrade(db: BaseDBAsyncClient) -> str:
    return (
        _CLAIM_BEFORE
        + """
DROP TRIGGER tr_youtube_downloads_turn_insert ON youtube_downloads;
DROP TRIGGER tr_youtube_downloads_turn_update ON youtube_downloads;
DROP FUNCTION medianest_users_at_their_limit();
DROP FUNCTION medianest_set_turn();
DROP FUNCTION medianest_give_turns();
DROP FUNCTION medianest_next_turn(uuid, smallint);
"""
    )


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXe1zmzga/1c0/tLsjC/Tpk3by+7sjJO4rW+duJc47d5udrBiFFsTkLwg4vp6/d/vkQ"
    "AbBDjgt2LKlzYWeiTx0wvPu742bG4Syz1sDQV9pGLW5aPGCfraYNgm8Efa4yZq4Mlk8VAW"
    "CHxnqfo4qGhYfKSe4DtXOFAKD++x5RIoMok7dOhEUM4kSY8RJMaUjeBfLNAUu8jkjByijk"
    "DcExZ9JC48IshziYOmY45MaiIqDmXzJh9C+0C8dkseo397xBB8RKCKA+39+RcUU2aSL8SV"
    "P7827imxTPV3QzZhUFNSDh2CBTENLBqSgnyZOMR14e3csJEQTfrFiAFkBK0YkSYkmrOJqt"
    "5QrQF86se3JoqNQLYECK43AL+RlfqP0wAURftepVPChKRXlWVF/+fa8xBp1pi3mW+Ast3J"
    "g6HGGNs6/qBUuRHS3tx0zt+pmnLt3hlDbnk2W9SezMQYpiOs7nnUPJQ08tmIMOLI8US2Ev"
    "MsK9h6YZG/jqFAOB6ZL2BzUWCSe+xZckM2frn3mFoAyCYmxYy4wgh2fPDfHXbJISNTgOPX"
    "YMwR+uu/rXP/18GzRQty1Mbjm4Ofnv3USGx3OWJt3wZFQ5goQJUyIefr6ze/twV+qrQhuz"
    "370Lo6ePlatT7hrhg56qFCt/FNEWKBjcWyWUzKYtPEJ+YTdoZj7KTPzYJImx8Y7yozExYs"
    "pmZxNIbYhjjF8DaMy17fuG73DWMNZBs2/mJYhI3EGH6+eP58CdSfWlcKbail4OZwlvsn/W"
    "Xw6Mh/9k3t1BBmbZsWwFqjXAnwYKGXE+/jPHAfZ6N9nAV22nmTB+rUk6cCQB8dH+dAGmpl"
    "Qq2exbG2icDycElC/a/r3mU6zlEaDWaTDgX6H7KoK/YP7iXoSjBky7br/m1FQT24aP2u43"
    "3W7Z3qR7ls4FTDnk4MbJrym15woccJq7fSX+VZ6K+y1/mrxDJXfCkGTEQS6j4wP+k4x6mq"
    "gPMSXPvt3/saanF+UUON2sAbYXuSDl2cVD8l4JEA+sPwj50yHZd8erAlRq7fuWhf91sXH2"
    "NnxXmr35ZPjlTpTCs9eK2t43kj6HOn/wHJn+iP3mVbP1Lm9fp/SLGigT3BDcan8myIoBEW"
    "h0XJfVGMsY+QrMHd78++eII5l+LS/UMqby6RSiL7jjuEjthvZKbw7cA4MBumMYeByHITNL"
    "OXiC5KF0N08HQuXkaXE7w6vDAR6uWhf3R50+36AukdHj5MsWMaMajlE37EtZJ53eQj+8jW"
    "SzCDA94MXkMOOkC9y4fYOnOIKblKbDVSlEh6leYyRZIlK0sJPKidU5nUD7U7sm+EmYkm2H"
    "Wn3DERv0d4ofkZYoZcWFeIMjSlsI48gT5a5EsTud5wjLCvKLqnjisQNm3KkuqmLff1tEKq"
    "Vj3sk+pBLgf1dzHmNUq2GfXD07Oz38qHcBcaY+yOk2h/gNJ0qBOElVD35BWCNUHXg+0Eq5"
    "KNiBHiksTylHOLYJYh92Y0oaF6B21sC9Z5SRTX9E/HJvA87fW6MVb2tNPXFu7NxWkbVrRa"
    "z1CJ+l/vzqUuS3gTc1VZIk5ayxK1LFHmD8IGRYkinO9TYkePkT6HfzYrdJQS+pVljrPW9V"
    "nrvK2JHGuJEReSlbsiAI4rGikyROz5UgFCMYWG41fNKT20FM/+zAUu3R2je+4AFy+osMgh"
    "aglkwxJEnBEUNBqtgA4GwgYsqTloooHft1wig58QdRGfEIawUJXh6E1IEjvsdyNm7mZOe2"
    "98DtaydsMGFJ67mXH4be3K6K11vkqvwRSrb9h8iot3HTRjRNrIPQT+SByXEEethsI9x6iz"
    "+6wF2n0SaNUBVFCandNUQrTSLbv5TLvLbLsJYTa+VwsgHSesJNybNqRHjtkiS3pBVQWT1w"
    "4UNHQlnGmNc0GcFzxTHOZr4bSZZ5/50Oo4L6h2d2g0gFE1JVoJsKMP4sz6x/bleefy/QkK"
    "qtyy1sePV71P7fMTBGKBAzyHCWWfWp1u67TbhsJHTNUob9k7KJT17qGEmDo/nsu7JM98HW"
    "VP11FitnQeqcDW0Emrtz+24swTsKdGUYcena526lndqaf2mai6nnPI7YnUGK02xxrxBmZ5"
    "fzbc3k11eVTa5Z3UffGPKSmkG1ZWZ0AdaAh9S1oKB30a0L/77YpYOCM6IEVlfa3avVHNVm"
    "gOvm3TsygTvyfMAzrWOU0FRnLu88Ww+ZZu3/VHtRjq65+5yG+ziaYOFYIoRyDp8gOtMteP"
    "LvFD1mxskszQtk13UNAUEOKzQrDVMoCNRbt1wFX1lMT7o4Mofm5WTgUBrLgLh3AKl57p8x"
    "8hqYLWoXb4r4XXNBVRsW9LnKqWa5bLNc7CnWNN0Ub3DtlPdJ8UceLLq6iUs01e/QrA7lKb"
    "pvruLB4u5cblhBmWrJfba2fIPSaIc4LGfAr8sWSAfff7JpKuMvCLcTazueeiIbYs5WoTRA"
    "Q2ZT1T1oFP+IQD6JJ3lt42U1gFfJrmrLPt7lIY85gnTkgq//bJJE/tKE78Ty3aMbvuMl5f"
    "b/UJ/j4yZUaMtObiq8HF16G3Owu9jW7YAkBHycosM5XR/qfO8yTeHZYh8yToNMCDadgG4M"
    "91tJ+vgfBI9vqPoxev3rx6+/L1q7dQRY1sXvJmCebJkAX95C8kD+nEpZKIIgf2rRqKAYcS"
    "G8LpTZknyLMmYlJm+um2UctNdaB0xQxB5UR0m3agrUpI3LLg9ZYLSnqd5fKSX9sog9yEUT"
    "CaXUpPiU5v2S0bqG7cAcKOTArIXWU4kTYRC7sCwXJ4hI4n8LVxVVj2mA7HiPpJA2UnTUSw"
    "jM1GMD4xDmn9Dprqb2DvVTCGDNv+GWEBfYKURGGcBhaDaJUhAXHARYL7776yjEdg0cMSyy"
    "nlhbWXyXmLAeeR8pILzYg0UMt6taxXy3q1rFdOWU87FfMLe0nC3Ul724R8w8Kf/7lN4tpy"
    "HDzL8u0LSTREc3rOlg3S5Xj9+Ze++WOfzkLCcpy0VKJy7RRZi8K1KFyLwjlE4WviPNIhaa"
    "RIwOGj5jLB1/Ur5ZZ2g/rzpFsyBZcUOXth9EyatJqPaMO5ujKZkdQzIYUBCVbBerJP6bmP"
    "bBlmhTxbdY6tIqGFJnUnFp4ZKwCtk1ZQgtkK5J5jpTCK2cl4/epVEMOLOeXhCTUeyCyJVZ"
    "sNndkEXjodsAjdjwcaYfItimZ4i1DtMKlbeJRGQZsfryVO6Qad3tNRRrTpfHFmh51q9ClR"
    "p5VapXW06A8pLdd5Dys4wwkJvkAQ3pi6gjsp3/MiQXiBQOnHhH1YtLhnbOZ3CcBLxS5baE"
    "9g/KQEbyRnOl+mb1iVAK80znIVH0eGD354XNBwes7uXFQFg+PCNwmC42SbxbLEpUNhLNo1"
    "4o3WptbEFts/U2ulg+NuPp4gb3LLznufL0+QyacM/m6/v2qdy7A3k4wcbJYl8A2mbAI9wn"
    "4HzsCwi9gH00hXshCWjDPftIGQOA53jBUiDBOEP550Hj/6i4k9MdKaKS4RUxxL1RbjH3Ie"
    "PXGi2i0hOHWWmAvdhV1pTYthxEK1ZxDntRrGV1e5DIeKje7zB8IaqYJI5PkTAoiqCWw+VC"
    "1yX7Ws7wsNDrGJfUecf9gEBc397PuOer7PKQ0TdgPjqiQOGz8E91Az+Oj5VVzozabWLONS"
    "6612t6Obr+NYr5UMvJDbqtZvLo9VrT8frHyZr7XuFqTZvdVC2z4JbWpiC98tFKeqgJE5r4"
    "tmnJONbYe8CztGtOtsCpVd4RFjPlEf+nvoiTgTp7hDcnoDVZDTduCZXPvb19cal1r7UDsq"
    "/xg6iNq4XvUZlqGPUvBaaY514joVc5mn2uFi1c0cJ62nuczTXGfcrk50SUkh3dvwkpkriH"
    "2mnCYbaVri6PPmUi2xqmkMF1VzRZsIAeieIIweyExdD4+R9GlEj9jyUi+BfIrEz2vguYLb"
    "9L/qgB7IWx6BDE3HKo2CqifL/FzRQH8viKOUvy4h5s/zv5BF8CNxg7CWgA5bnOX1fqnjWX"
    "YZz5Lqz75UObCOJ3vJsN1+aIVa/kmAs12x5wRrXf1T0gM/yxk7xhNt4u6f6DCTTGqmPkYj"
    "+/EUMrWPdNXZ+thHvrg2RqeuZbgyT3a4J++K2sUWhGsKc/szuWvIcjGwdiPRlRPXpwU6fU"
    "HGxDoYBbq86Xa/l1ynsE+R58I5yZbjpKCaO1vABOpymRiOIxvPlHeNFJ4m3BEYsH2A3czQ"
    "3UwWUsdPC4CHi/xummi3RmtS6mshiw+xpdLkPXPRYAIVYG6U+DdQj05+kc8kJL8OEJBRy2"
    "8FKliUPRBzBVefFGeXRrf3uX11cNsgNqaWzHequb8ojA31VGGfx79mWT/qTcNXy+wvVit3"
    "vxFP+rgBI5ejj99zEK+xiheTw/2r0FfuWzawUs8r91hf0LSnzh7ZqoXgKCmoXohQVU7FsB"
    "Uvj8QJVRTsKG2Z437KBPr8M1QA7DlNFfQKu0iiH3zFikSwhTQ7vGA+NOXEUZ6XaqFr1+2r"
    "E8VsAet1ftG5PEHYtCnTGbvvE6ymjgMROrfHcX8ix0mctAorvGAgVe3iUnFlivJSsfiIsp"
    "V9XKLUteaszJO9P/HTDXkJ7yNJfoEi5ZoG4qzf+SSvDFUVbtn1zbW8blTGTrueKy8c/Z7B"
    "0wlFW7YuKJKZS74KFTO5w9a8VLsVNNXlo73dgsksHvG7WCN3Jm/wCvI9lBRy4aVdf7E6WL"
    "FrNyq4sDLuC1kDsJTrSiqIWzJWdHXI9AjVKm7ImNfUunhpvloVXF4z7gnvjhgyUYrFcdod"
    "BUUQ+w/3+tDcedBalRZZIeNSRDKQZhKpwTYJExSn6IVCfHuM9Dn88zTKXdnmWazJiizNgk"
    "Y5fbml2OdSVmS2qS51N+Qy21l4Jt2v5G1LdwSF9MQ8RC2l0UFj7CIskA2yiIqP9xnseU0/"
    "zD5sJtWWt+EupIHv85haRMbuS4NeWA96HMiyO2JxNlIXSA2m3HlQ7rahlW9gydulImHtg0"
    "M0EJ7DlHFQhvoHRkNZhrANLUkr4y2bQxtebuXCfKGJQ7kDjHUTBj4MR2R6xHcdlVYEaQBB"
    "Iyq9R2nmXVbFEwg0cxqiEitjrUwCa1kAk0NZwxq4kf5r+1wF7XP+MWEUzP+t01XCZlRM2z"
    "uHQFCRZqR4wuimE1dBXR7XBR3ncqY+XuJMfZx0pt4jpRxU9YiZPCUi5XH+4t837RupgfMr"
    "+LkNu73Weefy/QmKfLZv2Vnv4mO33ZeVh9yeSOcpqP+u1enKontMrbLkPgy/+MkZ6zCxZM"
    "aidLvLPfYicQP2i+QV2NJ76AQ9v2WXvauLVlfWuWUfOu8/SPxyou5HdLw8evN6HswhfyyL"
    "47iGvrrJzIdYgOw6SdOyXNvYsjKDY6J0e33D+CZAnPO9BY/xGF31TvCtmPR1iaK4GS2lgd"
    "qSVmpL2nBMTM9azTSuE9fG8ZLOslQBpKi96CjzGxRSVCij8T+Pjl6+fHP0/OXrt8ev3rw5"
    "fvt8/m1KPlr2pTrtvJffqdhsJj9c98DpGRMsxinf/+wAwzjVWlGGJZuFXQcZKpcnANYiSm"
    "+woqtrooGalcjn9urwUXpqs8wjJ0qy12xvnTq9BDogmwicfuNW9uEbpamP3tWP3trbsuoM"
    "Jcygs+IMx0lr6bDM0zzXYK60lTXieqrLPNV1QrE6odh3jz8vZ0KxFnHocNxIcW0JnjSXeb"
    "TgRZ2n3FiyAa3zcpUrL9cjcdzU7EVnmeqECEklTPI7UCLITVUA4aB6BdHdSvIz6FGkZkRf"
    "ehO1SE+HXidAe0pALhA5s/mP2bf/A3qy8iE="
)
