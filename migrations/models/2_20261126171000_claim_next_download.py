"""The one way to claim a download, with and without a limit.

The function of before stays for the release before, which calls it where there is a limit. This one takes the lease in
seconds: an interval of a day is 23 hours over a clock change, unless the session's time zone is UTC.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
-- Gives the next download to a worker, never more than `max_running` at once (NULL: what the setting says).
-- With a limit the lock comes first and the count after it, in a statement and so a snapshot of its own: a count in one
-- statement with the claim, even with the lock, would not see the claims that it waited for. The largest int is no
-- limit, and needs no lock: then claims pass each other, and those in open transactions hold nobody up. Such a claim
-- looks for silent workers when nothing else is free.
CREATE FUNCTION medianest_claim_next_download(
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
        );
        -- Most claims of idle workers end here, without the lock.
        IF NOT somebody_is_silent AND NOT (
            (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') < most
            AND EXISTS (SELECT FROM youtube_downloads WHERE status = 'queued' AND scheduled_at <= moment)
        ) THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock(5903318274460197125);
        IF somebody_is_silent THEN
            PERFORM medianest_release_expired_downloads(max_attempts);
        END IF;
        IF (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') >= most THEN
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
            WHERE status = 'queued' AND scheduled_at <= moment
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


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
DROP FUNCTION medianest_claim_next_download(text, double precision, int, int);
"""


MODELS_STATE = (
    "eJztXVtz2zYW/isYvcSZcT2JGycdt9MZ2VYabWXLa8tJt/UODYuQhDEJsCRoRc3mvy8Akh"
    "IBkhJJXUIxfLElAOeA+nDhuQJfWjY1keUdtYcMP2M269Fx6xR8aRFoI/4hrfoQtKDjLCpF"
    "AYOPlmwPw4aGRceyBj56zOWlvHIELQ/xIhN5Qxc7DFMiSPoEATbBZMz/Qgam0AMmJegIdB"
    "mgPrPwM/J4FQK+h1wwnVBgYhNgdiTYm3TI+XPitTn5BP/tI4PRMeJNXM7vr//yYkxM9Bl5"
    "4uuX1ggjy5SfW4KFgU1BOXQRZMg0IGsJCvTZcZHn8V/nRUwiNPFnQwHICLkYMRYCzZkjm7"
    "ckNw6f/PL1EChPIDhxBNd7gIBJqf5VGg5F0b7LdIoIE/SysWgYfF17HGJsjTnPfA8o+DpP"
    "hnxGZekEDyXLjYj27q578V62FHP30RhSy7fJorUzYxM+HFFz38fmkaARdWNEkCueJ7aUiG"
    "9Z4dKLioJ5zAuY66P5BDYXBSYaQd8SC7L1y8gncgIAG5kYEuQxI1zx4b9H6KEjgqYcjl/D"
    "Z47R3/5tXQTfDl4sOIinNp7fHbx88bKVWO7iibV1GxYN+UBxVDFhYry+fA16W+AnS1ui2/"
    "MP7ZuDH99K7g712NiVlRLd1ldJCBk0FtNmMSiLRaMOzEfoDifQTR+bBZE2Pvx5y4xMVLAY"
    "msXWGGEb4aTgbRhX/YFx2xkYxhrItmz42bAQGbMJ//r61aslUH9s30i0eSsJN+V7ebDTX4"
    "VVx0HdV7lSI5i1ZVoAa42yFODhRK8m3id54D7JRvskC+y0/SYP1Kk7Tw2APj45yYE0b5UJ"
    "taxTsbYRg2JzSUL9r9v+VTrOcRoNZhMPGfgfsLDH9g/uJegKMARn2/P+tuKgHly2/9DxPu"
    "/1z/StXDA407DHjgFNU7zTC050lbB+M/1Nnon+Jnuev0lMcymXQo4JS0I94MJPOs4qVR1w"
    "XoLroPPHQENNlRc11LDNZSNoO+nQqaT6LsGrGKc/ij7sVOi4otODLQlyg+5l53bQvrxW9o"
    "qL9qAjao5l6UwrPXirzeM5E/CpO/gAxFfwZ/+qo28p83aDP4Va0YI+owahU7E3xNCIiqOi"
    "5LooJtjHSNaQ7vdnXawQzoW6NHpKlc0FUklk31MX4TH5Hc0kvl3+HJAM04TDUGW5C9nsJa"
    "KL0sUjunA6Vy/j04n/dP6DEZM/nvcPru56vUAhfYTDpyl0TUOBWtTQY6qVzNsmq+xjWy+B"
    "hG/wZvgzxEOHqPfoEFrnLjKFVAmtVooRSW9yuMyQZInGQgMPW+c0Jg0i647oG0BiAgd63p"
    "S6JqAjABeWnyEkwOPzCmACppjPI5+Bawt9PgSeP5wAGBiKRtj1GICmjUnS3LTlvlYbpBrT"
    "wz6ZHsR0kJ+LCa9xss2YH1aPzn4bH6JVaEygN0mi/YGXpkOdIKyFuSevEqwpuj5fTnxWkj"
    "EyIlySWJ5RaiFIMvTeDBYaqo+cx7ZgnZfEcU1/dWwCz7N+v6eIsmfdgTZx7y7POnxGy/nM"
    "G+Hg7d290nUJ3zHL6hIqaaNLNLpElV8IG1Qliki+q9SOPkEDyv9sVumoJPSldY7z9u15+6"
    "KjqRxrqRGXQpS7QRwcj7VSdAilfqkCIYVCww2a5tQe2lJmf+FxKd2bgBF1uRTPMLPQEWgz"
    "YPMpCChBIGQabwAOHpjNscTmwyF4CPoWU+ThJcAeoA4iADLZmG+9CU1ih/1uxM19mNPfq4"
    "7BWt5uvgCZ723mOQJeu3J6a52X6TUcYvkOmw9x8a5DNkaMR+5HoM/I9RBy5Wwo3LNCnd1n"
    "o9Duk0IrN6CC2uycphaqle7ZzefaXebbTSiz6lotgLRKWEu4N+1Ij22zRab0gqoOLq8dGG"
    "hwKZxxg3NBnBcykwrzLXM7xLfPA2h1nBdUu9s0WlxQNQVaCbDjFaqwft25uuhe/XYKwib3"
    "pH19fdP/2Lk4BVwtcLnMYfKyj+1ur33W6/DCZ4jlU96T97xQtBvxEmTq8niu6JI843WcPV"
    "zHidHSZaQCS0Mnrd/62EowTyieGkUDenS6JqinfFBPEzNRdzvnkNqOsBiVG2ONeAOjvD8L"
    "bu+Gujom7eoO6r7Ex1QU0g0bqzOgDi2EgSctRYI+C+nf/36DLJiRHZBisr6VfO8k2xqNwd"
    "dtRhZl4rfCPaBjndNVYCTHPl8OW+DpDkJ/JMfIXv/CAwHPQzB1MWNIBgKJkB/OlXhBdkmQ"
    "smZDE2Wmtm26g4KugAifEslWywA2FnybhKv6GYn3xwZRfN+snQmCi+Ie34RTpPTMmP8YSR"
    "2sDk3Af6O8ppmIir1bVKpGr1mu17iLcI41VRs9OmQ/0V2p4qjTq6iWs01Z/YaD3cM2To3d"
    "WVQulcbFgBmWaJdT+P5Ap1woFlJvEHN/CER8DP9GKJnZ1PfAEFqWjK8J0wAPRTtTtOHvbY"
    "dypCOBecqHnrOTsvIjGkNZmhL7v6M+U0R0JSYnYiU+B2yEdO1KmfwvLe8xu+0yqV/nukLS"
    "jw2eoZA28nw95PkmCXdnSbjxBVsA6DhZlbWnKnoCh9RPw7tLMrSfBJ0GeDgM2wD8lY72qz"
    "UQHotefzh+/ebdm59+fPvmJ95EPtm85N0SzJPJC/rOX0gz0okrpRvFNux7+SgG35TIkO/e"
    "mPgMvTgERGhPL+9bjQbVpEzXzCVUTUS36RHapq50i9xnPEx1Y0RVS/UkL2iUO7UhbD/POR"
    "YZyEJr6UfBQ2l5CfmINpyqnPm6Td0TUt6x4SyobOLNZt632UJ6iTTjJsW4SGSliT3HgjOj"
    "BNA6aQ1F9K1A7rtWEb9E2LwOemYxnwR0sPGEZkmsOmTozhz+o9MBi9F9f6AhIn5F0QT3GN"
    "UOc9qjrTQO2nx7rXBGO+90hMcZwbbzyZkddavRpwTd1mqWNsGy36W23Bz7UMMRLnBSQSIG"
    "cYI9Rt2U93mRGMRQoQxC4j4sOO6ZmPlN4g9TsctW2hMYr9TgjeRIr9bnPwlvIZVRgWj4FA"
    "QFRsr6iPrETGrz+UgKRgVGvyGMChSci6XHp4NgLPgaKtPGi5hYXPvnRax1VODd9SnwnXty"
    "0f90dQpMOiX8c+e3m/aFiPcz0diFZlUi/viQObxHvt65TGDYKUOyxPeVJC3l/qqYTL5pZx"
    "hyXeoaJUIrE4Tfn16ubv3FFB6FtBGHKyQOKznqivyQc+tRiXbnc6/4rrPEUegtPEpr+gpj"
    "vqk9gzivv1CdXdVyGUoxekCfEGmlqiCx+hWqh2zJxXzetMhFXaJ9oDq4yEb2I3J/sBEI2f"
    "0MEBxORKCjaIKjk8q44Cr1Dhs+hRdwEf7SC5p4vDcbW7OM27y22t2OrvxSsV7rFDTeEeY9"
    "leo3Rpu7vwCsfEd+ad0tSLN7a5S2fVLa5MAWPlRZpaqBezlv9KEqySrLIe/EVoh2nUZS2x"
    "kec+Mj+aIf8Z6Q67jFY23TGdRBT9tB0G0TSt7c51Rp64MqMRWyPqiklbI+NMfW6DaIxq1e"
    "9xG2oJA8vHJjrBM3Z1BVeahdysouZpW0GeYqD3Nz1Fh98koqCuneJpbMPIbscxku2UqzEs"
    "frD5daiWVLY7homivPhDGO7imA4AnN5L14EIhoRvAMLT/19otVJPfknjwMfY9RG/8jN+gH"
    "cb0FJwPTiczBl+1EWXBIFqcfMeRK46+HkPnz/BOwEHxGXpjQEtJBi5K812M0mSy7zGRJjW"
    "RfahxYJ4a9YthuP6lCTv8kwNlB2HOCtc48ruiGnxWGrchEmzj0OP6YSSE10x6jkX1/Bpkm"
    "OrruYr3yki9ujdGpGx2uyoMdrcnHon6xBeGaytz+DO4aupwC1m40umriulqh0ydkpa5Yl9"
    "in6HPRmGTrcUJRzX1OgMPbUiIvLrfhTEbXCOXJoS6DHNsnvpoJeJyJQuwGBwLAoTwAJ021"
    "W4Ob0PraQF4EH92P+ODwBuKyQ6HqPciq01+iG7J/fQCcDFsBF97AwuQJlclqSAl2afX6nz"
    "o3B/ctZENsieNdtPAXibEhayX2eeJrlvUjf2n00zL7U1rl7ne92xSDnte4RNGlwR1wpfsW"
    "DHZ1fWPQY3My9Z4Ge2SbFsKtpKB5IUZVOxPDVqI8EjtUUbDjtFXO+6kS6PPXUAGw5zR1sC"
    "vs4sxAmnb76fIMtohmhzfrRa4cFeV5qZa6dtu5OZXCFhe9Li67V6cAmjYmumD3bZLV5HbA"
    "ouB2FfcVp5uopHWY4QUTqZoQl5obU2SUikXHmJSOcYlTN5azKg/2/uRPt8TtQ88o+QaKlW"
    "sWiPNB96O4K0U2uCe3d7finhWRO+35nrhp5VsmTycMbdm2oNiZXOKnYDYTK2zN28TaIase"
    "He/tEkye35G88Tw8WXmDd6/toaaQCy/tvoTyYCn3M9RwYiVzHstjpWda1nFiKdE/6+KlxR"
    "zVcHrNqM/8R2SIAz8sCs01EfsP9Qec3UXIrU6TrJCTJCbhCnO/sMSaiDAMU+wbEb59ggaU"
    "/1mNck/wPFdY1mRqFnQu6dMtxc+UMiOzXU6pqyGX+8mCMxFGBBgFjwhE9Mg8Am1pmQAT6A"
    "FxlSWXqWWedyAozlsG6eIRm1Sf1Ia7EI6qTxNsiZs1pWMqasd7fBBlj8iiZOyJ/h6m1H2S"
    "YaORt+rBQtBDsfTsh80lpx/mdHIkRmutLPW1vEvJR1nD07SR/hvfTw19P8HSNQqeKq3T1c"
    "IfUcySOIeAYZZmAF/h0NGJ62CKVe0MJ7kCdU+WBOqeJAN198jgw5v6yEzuErFy9Z3/77vO"
    "nbDuBA2Cc/N6/XZws27sVXpPzvuX173OQDQeUtsRgTlmNW/SdVxMXcxSQq66hC0ZsTjd7s"
    "61ep24TOp18jYpEZlyCl7dk6v+zWW7J9rckw/d3z4I/HKiHmQL/Hj87u08UUB8WZYjcMv7"
    "6iVP1YOM65NOmsnj1oaWlZl4Eafb68u6NgHiXBYtuI0rdPXbwbfiLtal/OIumhQGjZem0l"
    "6a4QSZvlXO7aoTN47Xio7yiEsdhgPZJOVdlJ1IpVKtlU21Pyt4K8lUMrSDA2shqcOWDOlL"
    "MGhea/nC+1w6Tj/CKVMEi5PstQjWHBFdAXuEjRhMv1Moe/ON0zRbb/mtt4kqq7twI29hLi"
    "nAKqSNplLlYZ5b00otZY24GeoqD3VzcFJzcNI3z7Ot5sFJbeTi4aSVEvoQ1hwui3iAizar"
    "whyyAW3OH6rW+UPimvPUU1rOM80JMZJauId3YEQQi6oAwmHzGqK7lUOeeI8s9eTnpXftsv"
    "Rjn5uDnlYpyAUyBDb/Mvv6fyB9A8w="
)
