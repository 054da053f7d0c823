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
-- The advisory lock of a user's turns: one of 1,024, because a server has room for some thousand locks only, and an
-- import queues downloads of more users in one transaction.
CREATE FUNCTION medianest_turn_lock(owner uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT 5903318274460200000 + (uuid_hash(owner) & 1023)
$$;

-- The next turn of a user. One user's downloads get theirs one at a time, until the end of the transaction: of many
-- queued at once, each has to see the last. The head of the queue counts because the rows of claimed turns may be gone.
CREATE FUNCTION medianest_next_turn(owner uuid, level smallint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(medianest_turn_lock(owner));
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
        IF pg_try_advisory_xact_lock(medianest_turn_lock(due.user_id)) THEN
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
    -- The planner does not look into array_position: from the statistics of a queue of one user it would conclude that
    -- hardly a row is left, and sort all of them.
    LOOP
        moment := clock_timestamp();
        RETURN QUERY
        UPDATE youtube_downloads SET
            status = 'downloading', attempts = attempts + 1, worker_id = worker, progress = 0, started_at = moment,
            lease_expires_at = moment + lease_seconds * interval '1 second'
        WHERE id = (
            SELECT id FROM youtube_downloads
            WHERE status = 'queued' AND scheduled_at <= moment AND medianest_can_change(youtube_downloads)
                AND coalesce(array_position(busy_users, user_id), 0) < 1
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
DROP FUNCTION medianest_turn_lock(uuid);
"""
    )


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1v2zgS/iuEv7QFfEGbJm0vXSzgJG7rWzfpJU67t81CYSzaJiKJXomK6+v1v9+Qkm"
    "yJomzJb5W1+pLYFIekH75oHs5w+L1hM5NY3kGrz+kj5dMuGzZO0PeGg20CH3SPm6iBx+P5"
    "Q5HA8b0l8+Mwo2GxoXyC7z3uQio8HGDLI5BkEq/v0jGnzBEilw5BfESdIfzFHE2wh0zmkA"
    "PU4Yj53KKPxINHBPkecdFkxJBJTUT5gSjeZH0oH4TXLsl36F8+MTgbEsjiQnlf/4Rk6pjk"
    "G/HE1++NASWWKT83RBEGNYVk3yWYE9PAvCEkyLexSzwPfp0XFRKhSb8ZCYCMsBQjVoRAcz"
    "qW2RuyNIBPfvnRRIkWiJIAwfUaEBSyUv1JGYCiaN2rVEocLuRlZpEx+Lp2P8SKNWZl5mug"
    "KHf8YMg2JqZO0CiZbkSyNzed83cypxi790afWb7tzHOPp3wE3RFl931qHggZ8WxIHOKK9s"
    "SmkuNbVjj1oqRgHEMCd30yG8DmPMEkA+xbYkI2fhn4jhwAyCYmxQ7xuBHO+PDfPfbIgUMm"
    "AMevYZtj8td/WefBt6dP5iWIVhuPr58+e/KskZruosXKvA2T+tBRgCp1uOiv7z+C2ub4yd"
    "SGqPbsQ+vq6ctXsvQx8/jQlQ8luo0fUhBzbMyHzbxT5pMm2TGfsdsfYVffN3MhpX+gvav0"
    "TJQw75r50hhhG+GUwNswLi57xnW7ZxhrINuw8TfDIs6Qj+Dri+fPF0D9uXUl0YZcEm4Ga3"
    "mw0l+Ejw6DZz/kTI1gVqZpAawVyZUADwd6OfE+zgP3cTbax1lg69abPFBrV54KAH14fJwD"
    "aciVCbV8lsTaJhyLxSUN9b+uLy/0OMdlFJhN2ufof8iiHt8/uBegK8AQJdue95cVB/Xpx9"
    "bvKt5n3ctTdSkXBZwq2NOxgU1TvNMLDvSkYPVG+lGegX6UPc6PUsNc6qUYMOFpqHug/Ohx"
    "TkpVAecFuPbav/cU1JL6ooIatUE3wvZYD11SVF0l4BEH+YPow06Vjgs2ebolRa7X+di+7r"
    "U+fkqsFeetXls8OZSpUyX16StlHM8KQV86vQ9IfEV/XF601SVllq/3h6AVDexzZjhsItaG"
    "GBpRcpSUnhfFFPuYyBra/f7MiyXKuaBLgwetbi6QSiP7jrmEDp3fyFTi24F2YKevUw5Dyn"
    "ITFrOXiM5T50108WRGL+PDCX46/GDC5Y+H+tHFTbcbENJ73H+YYNc0ElCLJ+yQKSmzvOlH"
    "9qGtpmAHFngz/Bmi0SHqXdbH1plLTKFVYquh2URSszQXbSRZIrNg4GHunJtJvWh3R9SNsG"
    "OiMfa8CXNNxAYIz3d++thBHowrRB00oTCOfI4+WeRbE3l+f4RwsFE0oK7HETZt6qS3m7Zc"
    "1/INqXrrYZ+2HsRwkJ+LKa9xsc1sPyzvnf3efIhmoTHC3iiN9gdI1UOdEqzEdk9eEqwQXR"
    "+mE4xKZ0iMCJc0lqeMWQQ7Gbw3owgF1XsoY1uwzlLiuOpfHZvA8/TysptQZU87PWXg3nw8"
    "bcOIluMZMtHg7d25ULmEPzZX5RJJ0ZpL1FyizC+EDVKJIprvMtpx6ZAegz+bJR2lhH5lzn"
    "HWuj5rnbcVyrEWjfgoVLkrAuB4vKHhEInnCwmEVAoNN8iakz20pM7+xAMt3RuhAXNBix9Q"
    "y27Cf3hAiYdkmkewB5oraPk6M/RKpdw6t06LIxuGOWIOQWHDpbhgB57gGE/vuA0dRs27Jr"
    "oLfqAYh+JbUJj4RD3j6OHuGaJQzZg4CAOpQHLJz8cqcpi5mzntvck+WMvaDROQ+95m2hGU"
    "tSujt1L5KrWGvS7fYbNeL151WIwRKyN3E9gjcT1CXDkaCteckM6usya0+0RoOeVWUTY7k6"
    "kEtVItu/lMu4tsuykym5yrBZBOClYS7k0b0mPLbJEhPZeqgslrBxs0ga6ShrnjZBgW5wIK"
    "wtTZQ7s5NBf+/ePwxdHrozcvXx29gSyynbOU1wswT28VSIWv4N7MTKbejMmxGUNXWhhovT"
    "AUXRhmSn4S5mvuth3fPgugTa0OM6ndveUawKxMgVYK7PiDJLv81L4471y8P0FhFiB8nz5d"
    "XX5un58g4LEuKMkmpH1udbqt024bEh8xla28dd5Bosg3gBRiqpQzlztUnv46zO6uw1RvqU"
    "p9gamhilZvfmzF+yzkU0ZRDzRVrvZCW90LrXbyqfrGfJ/ZY7HFuVofK8Ib6OX9mXB719Xl"
    "scGUt1P3xaGrpJBu2LqSAfWAWRabgFKl4YGh6LvfroiFM06yaMwr78IiKwS9hmwYgbV8g7"
    "hdy3JvZLFVwm6b3oPacbfE/BcfnznNgEZimuS1B0ofvgmm3AuNeZFtjg2Qx2xyz8wpgnrJ"
    "25gfHzyDLzYaEhCjHFFh5fMQm8BgEKa5YJ6bWdbDrdepsQN+jXiCfC4W3T9zmgYjeIubhu"
    "Y9MrMOxgpr1paiSliKas5UdUU6OWnzTr+kVK1O605h1exkS+wk9rJbk6CoTkn7ie5SopKc"
    "rXquog7fmv5tkf7tSiNPMJolWrnKfvJq5mk2li9yTOBfHhy4kSVGmvITDwVlNtHEpZwTef"
    "xGKMtQquMFMR2CQDE2NklmQJlNV1DQAS856QqFOFkEcEzLrsOcVE/h3h9DavEVuHJ2VOA/"
    "HizCGmqUedI+JlIF02l9zL5mkzWb3MI7oqY/u6U/P0dXvwKwu9Sm2hMz84cLtXHRYYYl8u"
    "XeG+8z3+HEPUEjNgH9WCjAwaH3pjzfAt8c5kxt5nuojy1LHokJ4/A0RT5T5IFX+JgB6EJ3"
    "FudeJjAK2ES3Lb7t6rQ74jF2FomKz4GY0KldqYl/VWIMZeddpOurpS7R72NdZiREay2+Gl"
    "p8HfBqZwGv4hO2ANBxsTJzpjI6Mcr1PI135iGAlNxKZwFWAvy5ivbzNRDesPe/uvIX4kOq"
    "cKkYUWzBvpVNMWBRcvqwelPH5+RJEzmCMz27bdS8qQ5PVjFvtnIiuq/WjCtmWfDzFhMlNc"
    "9ivhTkNsrAmzAKW7NL9pSqVEQwuJPVeHcIuyIUP/NI6JSELOxxBMPhESoew9vGk8HQRrQ/"
    "Ep5KIlS/qKSJCBYR0RC0j48i2aCCpvwM6r0MiyAcnt4izKFOYEkU2mlgfhfP0idABzzEWf"
    "DbV+Z4BAY9DLGcLC/KvYjnzRuch+WlB5oRK6DmejXXq7lezfXKyfWUVTE/2UsL7o7tbRPy"
    "DZO/4HWbxrXluniadUApElEQzXn8r2yQLsbr65/q5E+8OguR5aRoqahyfbKrpsI1Fa6pcA"
    "4qfE3cR9onDQ0Djh41FxFfL8iUm+2G+WehrkXga0E5L6MQADq2mk9owxGyM5UR7ZqgUUDC"
    "UbAe9ym99pHNYVaIbl1Hti4SH8Wk3tjCU2MFoFXRCjKYrUDuu5ZGUcy+AifIXgUaXswpD4"
    "+p8UCmaazaTt+djuFH6wGLyf39QCOO+BVF46rHpHYYvStaSuOgzZbXEsfugkoHdJgRMmc2"
    "OLNj5yjymtA5lRqldcibvyVbrm8bqGAPpxh8nkgi4TmhEfU4czXv8yJhMUJCGZwJ+zAvcc"
    "/UzJ8SEkOLXTZpT2G8lMEb6Z7Od78WjEqAVxhnmTwfR/oPwfG4sGD9TVm5pAoejot+SXg4"
    "TpRZLDa7HgpjXq6RLLQ2taam2P6ZWit9OO7m0wnyx7fO+eWXixNksokDn9vvr1rn4tibSY"
    "YuNsty8A26bAw1wnwHzcCwi9gHdaJ1bOg0+yGuy1xjhROGKcG/HztPLv3FaE9CtFaKS6QU"
    "JwPRx/WHnEtPUqh2SwhXnQXmQm9uV1rTYhizUO0ZxHmthsnRVS7DoVSje+yBOA0tEYk9X0"
    "JAZE5Q8yFrgVgfMn9AGlxiE/ueuP+wCQqLexv4jvqBzynlYeA8UFwl47DxA/FC/9BvPMji"
    "QW02tab6yB/brW4jF3HlYThxrNe6gquQ26pSby6PVaW+AKx8QQWV6uai2bXVpG2fSJvs2M"
    "I3+ialKmBkzuuimdRkE9Mh78BOCO06mkJlR3jMmE/ki34ANRF37BZ3SNYXUAWetgPP5Nrf"
    "fmf+9lLnAJ1SN8AXeFIkpKqAc0HfgNpReSUk920PojauV72HxdFHQbxW6mNVuL5Ppsxd7T"
    "K+6mROitbdXOZurgNzV+d0SUkh3dvjJVOPE/tMOk02dLvE8efNhbvEMqfRn2fNddqEc0D3"
    "BGH0QKYIOyZ8Ej6N6BFbvsY1ZblIENfA9ziz6X/lAn0nLlMBMTQZyTAKMp9IC2JFg/yAE1"
    "du/nqEmG9nn5BF8CPxwmMtoRy2mJPX+6U+z7LL8yxaf/aFmwPreLKXDNvtH62Qwz8NcLYr"
    "9kxgrftLS7rgZzljJ3SiTVxgGm9mWknN3I9RxP5+GzK1j3TV1frES774bowqXXO4Mnd2NC"
    "fvi9rF5oJrkrn96dw1uFwCrN0wunLiupzQqQMyQeugFejiptv9WbxOYq/hc1GfZPM4QVRz"
    "RwsYQ17myNsvbTyV3jWCPI2ZyzFg+wCz2UH3U5FI3SAsAO7P47sp1G6N0gTrayGL9bElw+"
    "Q98dDdGDJA30j6dycfnfwinglIfr1DIEatoBTIYFHnIfuuzQWuPhpnl0b38kv76ultg9iY"
    "WiLeqeL+IjE25FOJfR7/mkX1yF8a/bTM+hK5ctcb86RPGjByOfoENYfnNVbxYnKZRdaqWx"
    "SwUs0r11hf0LSnzh7ZWwvhUlJweyEmVbkthq14eaRWqKJgx2XLfO6nTKDPXkMFwJ7JVGFf"
    "YRdB9MO3WJETbJHM7sbxzJSTRHmWqhxdu25fnUhlC1Sv84+dixOETZs6qmL3cw6ryeWAR8"
    "7tSdyXxDhJilZhhBc8SFW7uFR8M0V6qVhsSJ2VfVzi0vXOWZk7e3/OTzfEJbyPJP0GiqUr"
    "OxBnvc5ncWWozHDrXN9ci+tGxdlpz/fEhaM/8/B0aqMtey8oFplL/BTKp2KGaXqtSDyPVl"
    "hUlw33dgqmo3gk72KN3Zm8JloVvRcxebKEWRabwAt685C9C4reR5KVCzrl5pDVQUvcWFLB"
    "OZlx1coagGlueqkgbuljtqtDph7ureKETDicrYuX4uZWweE1ZT7374khYsxYDOuudyiC2H"
    "+Y34PizsPSqjTICtnlYqRKWJjE5r9JHE6xZkstwvfSIT0Gf5aj3BVlniWKrMjQLGjPVIeb"
    "xrSpGZHZVk7tbMhl8bTwVHiuiYuq7gmK5Il5gFpyMwyNsIcwRzbQOBlaIOAms5xBhIKoGK"
    "0ZdMNVCNvolxG1iAh7IGyhUT6o8U6k3ROLOUN599bdhLkP0lM5MpDeWeJirlhEgLsDdMd9"
    "15F2VRElIbS3ijSEbShJGGhvnRm00b1gHvQXGruUucBJmtDwftQi0yeB160wwAjbERpS4X"
    "hLM68BKx57oZnThpcaGWsFYVjLeJpuyhqG1I3UX5s2K2jaDJYJo2DodFWuEua2YhvlMwg4"
    "5Tr7zhJ7pSpcBUtDchvtOJcf+vECP/TjtB/6Hu1nQlafmOlVIpae1C/+fdO+EZuXQYYgLG"
    "T3snXeuXh/gmKv7Vvn7PLjp267JzL3mT0WfmeQ/12r0xVJA0ytsoSNjN746R7rOHxBj8Xl"
    "dhe27UXq8vAX6dvDhePVCXp+61xcXn1sdUWeW+dD5/0HgV9O1IPDMC8PX7+anYMRXxYdgb"
    "mGurrpoJGYA3cd63ZZrm1sWZnniuJye305+yZAnOm9BZfxhFz1VvCteEOojKK4BVJTQG2E"
    "LLURsj8ipm+t5lWgCtd+BSXtZbEFoNn2osPMd1AkUaFg0P88PHz58vXh85ev3hwfvX59/O"
    "b57N2UfrToTXXaeS/eU4neTL+4BqDpGWPMR5r3f/bZzKTUWgc0S9YLuz6fKb3FAFiLyH2D"
    "Fb2EUwXUqkQ+j2GXDfVR4TKXnLjIXqu9ddT5EuwB2YRj/WVl2YtvXKZeeldfemtH1aorlN"
    "CD7oo9nBSt2WGZu3m2g7nSVFaE664uc1fXsdjqWGw//eh+OWOxtYhL+6OGxrUlfNJc5NGC"
    "53mWubFkA1qHNCtXSLNH4nrawE9nmdsJMZFKmOR3sIkgJlUBhMPsFUR3K3HjoEauDSa/8B"
    "Jvro8kX8eOW0aQCxw62vzL7Mf/Afk9avg="
)
