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
    "eJztXW1z2rgW/isavjSdYTttttnupDs7QxPacpeE3oS0e7fZcRQsQBPbYm05lNvb/36PZB"
    "tsWQabtxrXXxKQdSTx6MXn0Tk6+tqwmUks71lrwOkj5bMuGzVO0deGg20CH3SPm6iBJ5PF"
    "Q5HA8b0l8+Mwo2GxkXyC7z3uQio8HGLLI5BkEm/g0gmnzBEiPYcgPqbOCP5ijqbYQyZzyD"
    "PU4Yj53KKPxINHBPkecdF0zJBJTUT5M1G8yQZQPghvXJLv0H98YnA2IpDFhfI+/w3J1DHJ"
    "F+KJr18bQ0osU35uiCIMagrJgUswJ6aBeUNIkC8Tl3ge/DovKiRCk34xEgAZYSlGrAiB5m"
    "wiszdkaQCf/PKtiRItECUBgps1IChkrfqTMgBF0brXqZQ4XMjLzCJj8HXjfogVa8zLzNdA"
    "Ue7kwZBtTEydoFEy3Yhkb246529lTjF2740Bs3zbWeSezPgYuiPK7vvUfCZkxLMRcYgr2h"
    "ObSo5vWeHUi5KCcQwJ3PXJfACbiwSTDLFviQnZ+G3oO3IAIJuYFDvE40Y448N/99gjzxwy"
    "BTh+D9sck7/+xzoPvh09WZQgWm08vjp6+uRpIzXdRYuVeRsmDaCjAFXqcNFfX78FtS3wk6"
    "kNUe3Z+9bV0c+/yNInzOMjVz6U6Da+SUHMsbEYNotOWUyaZMd8xO5gjF193yyElP6B9q7T"
    "M1HComsWS2OEbYRTAm/DuOz1jet23zA2QLZh4y+GRZwRH8PXF8+fL4H6Y+tKog25JNwM1v"
    "Jgpb8MHx0Hz77JmRrBrEzTAlgrkmsBHg70cuJ9kgfuk2y0T7LA1q03eaDWrjwVAPr45CQH"
    "0pArE2r5LIm1TTgWi0sa6n9d9y71OMdlFJhNOuDof8iiHj88uJegK8AQJdue948VB/Xoov"
    "WnivdZt/dGXcpFAW8U7OnEwKYp3ukFB3pSsHoj/WWegf4ye5y/TA1zqZdiwISnoe6D8qPH"
    "OSlVBZyX4Npv/9lXUEvqiwpq1AbdCNsTPXRJUXWVgEcc5J9FH/aqdFyy6dGOFLl+56J93W"
    "9dfEisFeetfls8OZapMyX16BdlHM8LQZ86/fdIfEV/9S7b6pIyz9f/S9CKBvY5Mxw2FWtD"
    "DI0oOUpKz4tiin1MZAPt/nDmxQrlXNCl4YNWNxdIpZF9y1xCR84fZCbx7UA7sDPQKYchZb"
    "kJizlIRBepiya6eDqnl/HhBD8dfjDh8sdD/ejyptsNCOk9HjxMsWsaCajFE3bMlJR53vQj"
    "+9hWU7ADC7wZ/gzR6BD1Lhtg68wlptAqsdXQbCKpWZrLNpIskVkw8DB3zs2kfrS7I+pG2D"
    "HRBHvelLkmYkOEFzs/A+wgD8YVog6aUhhHPkcfLPKliTx/MEY42CgaUtfjCJs2ddLbTTuu"
    "a/WGVL31cEhbD2I4yM/FlNe42Ha2H1b3zmFvPkSz0Bhjb5xG+z2k6qFOCVZiuycvCVaIrg"
    "/TCUalMyJGhEsayzeMWQQ7Gbw3owgF1XsoY1ewzlPiuOpfHdvA802v102osm86fWXg3ly8"
    "acOIluMZMtHg7d25VLmEPzHX5RJJ0ZpL1FyizC+ELVKJIprvKtrRc0ifwZ/tko5SQr825z"
    "hrXZ+1ztsK5diIRlwIVe6KADgeb2g4ROL5UgIhlULDDbLmZA8tqbM/8UBL98ZoyFzQ4ofU"
    "spvwHx5Q4iGZ5hHsgeYKWr7ODL1WKbfOrdPiyIZhjphDUNhwKS7YgSc4xtEdt6HDqHnXRH"
    "fBDxTjUHwLChOfqGe8fLh7iihUMyEOwkAqkFzy87GKHGbuZk57b7IPNrJ2wwTkvreddgRl"
    "7cvorVS+Tq1hr8t32LzXi1cdFmPEysjdBPZIXI8QV46GwjUnpLPrrAntIRFaTrlVlM3OZS"
    "pBrVTLbj7T7jLbborMJudqAaSTgpWEe9uG9NgyW2RIL6SqYPLawwZNoKukYe44GYbFhYCC"
    "MHUO0G4OzYV/Px2/ePnq5a8///LyV8gi2zlPebUE8/RWgVT4Cu7NzGXqzZgcmzF0rYWB1g"
    "tD0YVhruQnYb7mbtvx7bMA2tTqMJfa31uuAczKFGilwI4/SLLLD+3L887lu1MUZgHC9+HD"
    "Ve9j+/wUAY91QUk2Ie1jq9Ntvem2IfERU9nKW+ctJIp8Q0ghpko5c7lD5emv4+zuOk71lq"
    "rUF5gaqmj15sdOvM9CPmUU9UBT5WovtPW90Gonn6pvzA+YPRFbnOv1sSK8hV4+nAl3cF1d"
    "HhtMeTv1UBy6Sgrplq0rGVAPmWWxKShVGh4Yir7944pYOOMki8a88jYsskLQa8iGEVjLt4"
    "jbtSz3RhZbJex26T2oHXcrzH/x8ZnTDGgkpklee6D04Ztiyr3QmBfZ5tgQecwm98ycIaiX"
    "vI758cEz+GKjEQExyhEVVj4PsSkMBmGaC+a5mWU93HmdGjvg54gnyOdi0f07p2kwgre4aW"
    "jRI3PrYKywZm0pqoSlqOZMVVekk5M27/RLStXqtO4UVs1OdsROYi+7DQmK6pR0mOiuJCrJ"
    "2arnKurwrenfDunfvjTyBKNZoZWr7CevZp5mY/kixwT+5cGBG1lipCk/8VBQZhNNXco5kc"
    "dvhLIMpTpeENMhCBRjY5NkBpTZdgUFHfCSk65QiJNlAMe07DrMSfUU7sMxpBZfgStnRwX+"
    "48EirKFGmSftYyJVMJ3Wx+xrNlmzyR28I2r6s1/683109SsAu0ttqj0xs3i4VBsXHWZYIl"
    "/uvfEB8x1O3FM0ZlPQj4UCHBx6b8rzLfDNYc7MZr6HBtiy5JGYMA5PU+QzRR54hU8YgC50"
    "Z3HuZQqjgE112+K7rk67Ix5jZ5Go+ByICZ3alZr4ZyXGUHbeZbq+WuoK/T7WZUZCtNbiq6"
    "HF1wGv9hbwKj5hCwAdFyszZyqjE6Ncz9N4Zx4CSMmtdRZgLcCfq2g/3wDhLXv/qyt/IT6k"
    "CpeKEcUW7FvZFAMWJWcAqzd1fE6eNJEjONPT20bNm+rwZBXzZisnoodqzbhilgU/bzlRUv"
    "Ms50tBbqMMvAmjsDX7ZE+pSkUEgztZjXeHsCtC8TOPhE5JyMIeRzAcHqHiCbxtPBkMbUwH"
    "Y+GpJEL1i0qaiGAREQ1B+/g4kg0qaMrPoN7LsAjC4ek1whzqBJZEoZ0G5nfxLAMCdMBDnA"
    "W/fW2OR2DQwxDLyfKi3Mt43qLBeVheeqAZsQJqrldzvZrr1VyvnFxPWRXzk7204P7Y3i4h"
    "3zL5C163aVxbrotnWQeUIhEF0ZzH/8oG6XK8Pv+tTv7Eq7MQWU6Klooq1ye7aipcU+GaCu"
    "egwtfEfaQD0tAw4OhRcxnx9YJMudlumH8e6loEvhaUsxeFANCx1XxCW46QnamMaNcEjQIS"
    "joLNuE/ptY9sDrNGdOs6snWR+Cgm9SYWnhlrAK2KVpDB7ARy37U0imL2FThB9irQ8GJOeX"
    "hCjQcyS2PVdgbubAI/Wg9YTO7HA4044lcUjasek9pj9K5oKY2DNl9eSxy7Cyod0lFGyJz5"
    "4MyOnaPIa0LnVGqU1iFvfki2XN82UMEeTjH4PJFEwnNCY+px5mre50XCYoSEMjgT9n5R4o"
    "Gpmd8lJIYWu2zSnsJ4JYM30j2d734tGJUArzDOMnk+jgweguNxYcH6m7JySRU8HBf9kvBw"
    "nCizWGx2PRTGolwjWWhtak1NscMztVb6cNzNh1PkT26d896ny1NksqkDn9vvrlrn4tibSU"
    "YuNsty8A26bAI1wnwHzcCwi9gHdaJ1bOg0+yGuy1xjjROGKcEfj50nl/5itCchWivFJVKK"
    "k4Ho4/pDzqUnKVS7JYSrzhJzobewK21oMYxZqA4M4rxWw+ToKpfhUKrRffZAnIaWiMSery"
    "AgMieo+ZC1QKwPmT8gDS6xiX1P3J9sgsLiXge+o37gc0p5GDgPFFfJOGz8QLzQP/QLD7J4"
    "UJtNrZk+8sduq9vKRVx5GE4c642u4CrktqrUm8tjVakvACtfUEGluoVodm01aTsk0iY7tv"
    "CNvkmpChiZ87poJjXZxHTIO7ATQvuOplDZER4z5hP5oh9CTcSduMUdkvUFVIGn7cEzufa3"
    "35u/vdQ5QKfUDfAlnhQJqSrgXNA3oHZUXgvJQ9uDqI3rVe9hcfRREK+1+lgVru+TKXNXu4"
    "yvO5mTonU3l7mb68Dc1TldUlJID/Z4yczjxD6TTpMN3S5x/Hlz6S6xzGkMFllznTbhHNA9"
    "RRg9kBnCjgmfhE8jesSWr3FNWS0SxDXwPc5s+l+5QN+Jy1RADE3HMoyCzCfSgljRID/kxJ"
    "Wbvx4h5uv5J2QR/Ei88FhLKIct5uT1fqnPs+zzPIvWn33p5sAmnuwlw3b3Ryvk8E8DnO2K"
    "PRfY6P7Ski74Wc7YCZ1oGxeYxpuZVlIz92MUsR9vQ6b2ka66Wp94yRffjVGlaw5X5s6O5u"
    "R9UbvYQnBDMnc4nbsBl0uAtR9GV05cVxM6dUAmaB20Al3edLvfi9dJ7DV8LuqTbB4niGru"
    "aAETyMscefuljWfSu0aQpwlzOQZsH2A2O+h+JhKpG4QFwINFfDeF2m1QmmB9LWSxAbZkmL"
    "wnHrqbQAboG0n/7uSj09/EMwHJ73cIxKgVlAIZLOo8ZN+1ucTVR+Ps0uj2PrWvjm4bxMbU"
    "EvFOFfcXibEhn0rs8/jXLKtH/tLop2XWl8iVu96YJ33SgJHL0SeoOTyvsY4Xk8ssslHdoo"
    "C1al67xvqCpgN19sjeWgiXkoLbCzGpym0x7MTLI7VCFQU7Llvmcz9lAn3+GioA9lymCvsK"
    "+wiiH77Fipxgi2T2N47nppwkyvNU5ejadfvqVCpboHqdX3QuTxE2beqoit33OawmlwMeOb"
    "cncV8R4yQpWoURXvAgVe3iUvHNFOmlYrERddb2cYlL1ztnZe7swzk/3RCX8D6S9Bsolq7s"
    "QJz1Ox/FlaEyw61zfXMtrhsVZ6c93xMXjn7Pw9OpjbbsvaBYZC7xUyifiRmm6bUi8TxaYV"
    "FdNjrYKZiO4pG8izV2Z/KGaFX0XsTkyRJmWWwKL+jtQ/Y2KPoQSVYu6JSbQ9YHLXFjSQXn"
    "ZMZVKxsAprnppYK4pY/Zrg+Zeri3ihMy4XC2KV6Km1sFh9eM+dy/J4aIMWMxrLveoQhi/2"
    "F+H4o7D0ur0iArZJeLkSphYRKb/yZxOMWaLbUI355D+gz+rEa5K8o8SxRZkaFZ0J6pDjeN"
    "aVMzIrOtnNrZkMviaeGZ8FwTF1XdExTJE/MZasnNMDTGHsIc2UDjZGiBgJvMcwYRCqJitG"
    "bQLVchbKOfxtQiIuyBsIVG+aDGO5F2TyzmjOTdW3dT5j5IT+XIQHpniYu5YhEB7rYXD6GZ"
    "066W6q2NAiNsZNBMN2UD4+ZW6q/NjRU0NwZT1ygYzlyVq4QJrNjm9RwCTrnO5rLChqgKV2"
    "H3P7m1dZLLN/xkiW/4Sdo3/ID2GCGrT8z0KhFLT77z/33TvhEbikGGIFRjt9c671y+O0Wx"
    "V+mtc9a7+NBt90XmAbMnwhcM8r9tdboiaYipVZZQjhOXMpdyjZdfx+FLeiwut79Qai9SF3"
    "q/SN/oLZyhTtHzW+eyd3XR6oo8t877zrv3Ar+cqAcHVH4+fvXL/GyK+LLsWMo11NVNB3LE"
    "HPjkRLfzcW1jy8o86xOXO+gL07cB4lwXLbiMJ+Sqt4LvxENB1fKLWwU1BdSGwVIbBgdjYv"
    "rWepZ+Vbi29Ze0l4egdRgTzMead1H22b2k1EYH+A5nBu/k/J70JgJgLSI57JpepKkC6tda"
    "Po9Sl430UcMyVbC4yEGrYHVU8hLsR9iEY/1lVtmLb1ymXnrXX3prR8aqKzfQg+6aPZwUrZ"
    "lKmbt5vpu21lRWhOuuLnNX17G66lhd3/1odzljdbWISwfjhsb1IXzSXObxgBd5Vrk5ZANa"
    "h7wqV8irR+J62sBAZ5nbCTGRSpiH97CJICZVAYTD7BVEdydxxaBGrg02vvSSZ66PNF7HFl"
    "tFkAscStn+y+zb/wFrxNJC"
)
