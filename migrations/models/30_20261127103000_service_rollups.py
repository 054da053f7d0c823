"""Roll-ups: summaries of the services' checks, for hours, days and longer spans, exact to the microsecond."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
-- The times up, degraded and down are in microseconds, the last two NULL where there is none, which saves a tenth of
-- the table; in the rest of the span the state is unknown. A span of more than an hour is the sum of the hours in it
-- that are rolled up. response_times is a histogram: the count of each bucket of milliseconds is a sum of powers of
-- two, and each element is 32 * bucket + exponent.
CREATE TABLE service_rollups (
    service_id INT NOT NULL,
    checks INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    up BIGINT NOT NULL,
    degraded BIGINT,
    down BIGINT,
    hours SMALLINT NOT NULL,
    response_times SMALLINT[] NOT NULL,
    CONSTRAINT pk_service_rollups PRIMARY KEY (service_id, hours, begins_at),
    CONSTRAINT ck_service_rollups_hours CHECK (hours >= 1),
    CONSTRAINT ck_service_rollups_times
        CHECK (up >= 0 AND degraded >= 0 AND down >= 0 AND up + coalesce(degraded, 0) + coalesce(down, 0) <= hours * 3600000000),
    CONSTRAINT ck_service_rollups_begins_at
        CHECK (begins_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT fk_service_rollups_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);

-- The parts of rolled-up hours in which a service was not up.
CREATE TABLE service_states (
    service_id INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    status VARCHAR(20) NOT NULL,
    error_message TEXT,
    CONSTRAINT pk_service_states PRIMARY KEY (service_id, begins_at),
    CONSTRAINT ck_service_states_status CHECK (status IN ('degraded', 'down', 'unknown')),
    CONSTRAINT ck_service_states_length CHECK (ends_at > begins_at AND ends_at <= begins_at + interval '1 hour'),
    CONSTRAINT ck_service_states_begins_at
        CHECK (begins_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT ck_service_states_ends_at
        CHECK (ends_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT fk_service_states_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_service_states_service_id_begins_at ON service_states (service_id, begins_at) WHERE status = 'down';

-- The hours that were rolled up and whose checks have changed since. There is no unique key, so that transactions that
-- change the same hour do not wait for each other.
CREATE TABLE stale_service_hours (
    service_id INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT ck_stale_service_hours_begins_at
        CHECK (begins_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT fk_stale_service_hours_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_stale_service_hours_service_id_begins_at ON stale_service_hours (service_id, begins_at);

-- The instant since when checks are kept. Where no checks were removed, it is the beginning of time, or there is no row.
CREATE TABLE kept_history (
    table_name VARCHAR(63) NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_kept_history PRIMARY KEY (table_name),
    CONSTRAINT ck_kept_history_begins_at
        CHECK (begins_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00')
);

-- Marks the hours in which added or removed checks count as stale. A check counts for five minutes.
--
-- A roll-up locks the service's row FOR UPDATE. A transaction that has changed checks locks it FOR KEY SHARE until its
-- end: an INSERT by the foreign key, an UPDATE or DELETE by this function. So no roll-up runs beside a change that it
-- can't see, and a change after a roll-up finds the roll-up here. An exception is a transaction whose snapshot is older
-- than the roll-up (repeatable read, serializable): it marks each of these hours that is over, which is never wrong.
--
-- An hour that began less than five minutes after the instant since when checks are kept may lack a check that counted
-- in it. So it and the hours before it stay as they were rolled up. Nothing is removed while a transaction has changed
-- checks, and one that changes some later sees the new row of kept_history here. With an older snapshot it would not:
-- there the INSERT, which never waits otherwise, is an error.
CREATE FUNCTION medianest_mark_stale_hours() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    epoch CONSTANT timestamptz := '1970-01-01 00:00:00+00';
    changeable timestamptz;
BEGIN
    IF TG_ARGV[0] = 'removed' THEN
        PERFORM FROM services WHERE id IN (SELECT service_id FROM changed) ORDER BY id FOR KEY SHARE;
    END IF;
    IF NOT EXISTS (
        SELECT FROM changed WHERE date_bin('1 hour', checked_at, epoch) + interval '1 hour' <= clock_timestamp()
    ) THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        INSERT INTO kept_history (table_name, begins_at)
        VALUES ('service_status_history', '0001-01-01 00:00:00+00') ON CONFLICT (table_name) DO NOTHING;
    END IF;
    changeable := coalesce((
        SELECT date_bin('1 hour', begins_at + interval '1 hour 5 minutes' - interval '1 microsecond', epoch)
        FROM kept_history WHERE table_name = 'service_status_history'
    ), '-infinity');
    IF TG_ARGV[0] = 'added' AND EXISTS (SELECT FROM changed WHERE checked_at < changeable) THEN
        RAISE check_violation USING
            MESSAGE = 'a check is older than the checks that are kept',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'ck_service_status_history_kept';
    END IF;
    INSERT INTO stale_service_hours (service_id, begins_at)
    SELECT touched.service_id, touched.hour
    FROM (
        SELECT DISTINCT service_id, touched.hour
        FROM changed CROSS JOIN LATERAL (VALUES
            (date_bin('1 hour', checked_at, epoch)),
            (date_bin('1 hour', checked_at + interval '5 minutes' - interval '1 microsecond', epoch))
        ) AS touched (hour)
        WHERE touched.hour >= changeable AND touched.hour + interval '1 hour' <= clock_timestamp()
    ) AS touched
    JOIN services ON services.id = touched.service_id
    WHERE current_setting('transaction_isolation') <> 'read committed' OR touched.hour <= (
        SELECT max(begins_at) FROM service_rollups WHERE service_id = touched.service_id AND hours = 1
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER tr_service_status_history_stale_insert AFTER INSERT ON service_status_history
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION medianest_mark_stale_hours('added');
CREATE TRIGGER tr_service_status_history_stale_delete AFTER DELETE ON service_status_history
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION medianest_mark_stale_hours('removed');
CREATE TRIGGER tr_service_status_history_stale_update_from AFTER UPDATE ON service_status_history
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION medianest_mark_stale_hours('removed');
CREATE TRIGGER tr_service_status_history_stale_update_to AFTER UPDATE ON service_status_history
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION medianest_mark_stale_hours('added');
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
DROP TRIGGER tr_service_status_history_stale_update_to ON service_status_history;
DROP TRIGGER tr_service_status_history_stale_update_from ON service_status_history;
DROP TRIGGER tr_service_status_history_stale_delete ON service_status_history;
DROP TRIGGER tr_service_status_history_stale_insert ON service_status_history;
DROP FUNCTION medianest_mark_stale_hours();
DROP TABLE kept_history;
DROP TABLE stale_service_hours;
DROP TABLE service_states;
DROP TABLE service_rollups;
"""


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1v2zgS/iuEvzQFfEWbJm0vXSzgJG7rWzfpJU67t81CYSzaJiKJXomK6+v1v9+Qkm"
    "yJomzJb5W1+pLYFIeUH77NwxkOvzdsZhLLe9bqc/pI+bTLho0T9L3hYJvAB93jJmrg8Xj+"
    "UCRwfG/J/DjMaFhsKJ/ge4+7kAoPB9jyCCSZxOu7dMwpc4TIpUMQH1FnCH8xRxPsIZM55B"
    "nqcMR8btFH4sEjgnyPuGgyYsikJqL8mSjeZH0oH4TXLsl36F8+MTgbEsjiQnlf/4Rk6pjk"
    "G/HE1++NASWWKT83RBEGNYVk3yWYE9PAvCEkyLexSzwPfp0XFRKhSb8ZCYCMsBQjVoRAcz"
    "qW2RuyNIBPfvnRRIk3ECUBguu9QFDISvUnZQCKonWvUilxuJCXmUXG4Ova7RAr1piVme8F"
    "RbnjB0O+Y2LoBC8l041I9uamc/5O5hR9997oM8u3nXnu8ZSPoDmi7L5PzWdCRjwbEoe44n"
    "1iQ8nxLSscelFS0I8hgbs+mXVgc55gkgH2LTEgG78MfEd2AGQTk2KHeNwIR3z47x575JlD"
    "JgDHr+E7x+Sv/7LOg28HT+YliLc2Hl8fPH3ytJEa7uKNlXEbJvWhoQBV6nDRXt9/BLXN8Z"
    "OpDVHt2YfW1cHLV7L0MfP40JUPJbqNH1IQc2zMu828UeaDJtkwn7HbH2FX3zZzIaV94H1X"
    "aZkoYd4086kxwjbCKYG3YVxc9ozrds8w1kC2YeNvhkWcIR/B1xfPny+A+nPrSqINuSTcDO"
    "byYKa/CB8dBs9+yJEawawM0wJYK5IrAR529HLifZwH7uNstI+zwNbNN3mg1s48FQD68Pg4"
    "B9KQKxNq+SyJtU04FpNLGup/XV9e6HGOyygwm7TP0f+QRT2+f3AvQFeAIUq2Pe8vKw7qwc"
    "fW7yreZ93LU3UqFwWcKtjTsYFNU6zpBTt6UrB6Pf0oT0c/yu7nR6luLvVSDJjwNNQ9UH70"
    "OCelqoDzAlx77d97CmpJfVFBjdqgG2F7rIcuKarOEvCIg/yz6MNOlY4LNjnYkiLX63xsX/"
    "daHz8l5orzVq8tnhzK1KmSevBK6cezQtCXTu8DEl/RH5cXbXVKmeXr/SFoRQP7nBkOm4i5"
    "IYZGlBwlpcdFMcU+JrKGdr8/42KJci7o0uBBq5sLpNLIvmMuoUPnNzKV+HbgPbDT1ymHIW"
    "W5CYvZS0TnqfNXdPFkRi/j3Ql+OvxgwuWPh/rRxU23GxDSe9x/mGDXNBJQiyfskCkps7zp"
    "R/ahraZgByZ4M/wZ4qVD1Lusj60zl5hCq8RWQ7OJpGZpLtpIskRmwcDD3Dk3k3rR7o6oG2"
    "HHRGPseRPmmogNEJ7v/PSxgzzoV4g6aEKhH/kcfbLItyby/P4I4WCjaEBdjyNs2tRJbzdt"
    "ua7lG1L11sM+bT2I7iA/F1Ne42Kb2X5Y3jr7vfkQjUJjhL1RGu0PkKqHOiVYie2evCRYIb"
    "o+DCfolc6QGBEuaSxPGbMIdjJ4b0YRCqr3UMa2YJ2lxHHVLx2bwPP08rKbUGVPOz2l4958"
    "PG1Dj5b9GTLRYPXuXKhcwh+bq3KJpGjNJWouUeYFYYNUoojmu4x2XDqkx+DPZklHKaFfmX"
    "Octa7PWudthXKsRSM+ClXuigA4Hm9oOETi+UICIZVCww2y5mQPLamzP/FAS/dGaMBc0OIH"
    "1LKb8B8eUOIhmeYR7IHmClq+zgy9Uim3zq3T4siGbo6YQ1D44lJcsANPcIyDO25Dg1Hzro"
    "nugh8o+qH4FhQmPlHPOHq4e4ooVDMmDsJAKpCc8vOxihxm7mZOe2+yDdaydsMA5L63mfcI"
    "ytqV0VupfJVaw1aXa9is1YtXHRZjxMrI/QrskbgeIa7sDYVrTkhn11kT2n0itJxyqyibnc"
    "lUglqplt18pt1Ftt0UmU2O1QJIJwUrCfemDemxabZIl55LVcHktYMNmkBXScPccTIMi3MB"
    "BWHq7KHdHF4X/v3j8MXR66M3L18dvYEs8j1nKa8XYJ7eKpAKX8G9mZlMvRmTYzOGrjQx0H"
    "piKDoxzJT8JMzX3G07vn0WQJuaHWZSu1vlGsCsTIFWCuz4gyS7/NS+OO9cvD9BYRYgfJ8+"
    "XV1+bp+fIOCxLijJJqR9bnW6rdNuGxIfMZVveeu8g0SRbwApxFQpZy53qDztdZjdXIep1l"
    "KV+gJDQxWt3vjYivdZyKeMoh5oqlzthba6F1rt5FP1jfk+s8dii3O1NlaEN9DK+zPg9q6p"
    "y2ODKW+j7otDV0kh3bB1JQPqAbMsNgGlSsMDQ9F3v10RC2ecZNGYV96FRVYIeg3ZMAJr+Q"
    "Zxu5bl3shiq4TdNr0Htf1uifkv3j9zmgGNxDDJaw+UPnwTTLkXGvMi2xwbII/Z5J6ZUwT1"
    "krcxPz54Bl9sNCQgRjmiwsrnITaBziBMc8E4N7Osh1uvU2MH/BrxBPlcTLp/5jQNRvAWNw"
    "3NW2RmHYwV1qwtRZWwFNWcqeqKdHLQ5h1+SalandadwqrZyZbYSWyxW5OgqE5J+4nuUqKS"
    "HK16rqJ235r+bZH+7UojTzCaJVq5yn7yauZpNpYvckzgXx4cuJElRpryEw8FZTbRxKWcE3"
    "n8RijLUKrjBTEdgkAxNjZJZkCZTVdQ0AEvOegKhThZBHBMy67DnFRP4d4fQ2rxGbhydlTg"
    "Px5MwhpqlHnSPiZSBdNpfcy+ZpM1m9zCGlHTn93Sn5+jq18B2F1qU+2JmfnDhdq4aDDDEv"
    "ly7433me9w4p6gEZuAfiwU4ODQe1Oeb4FvDnOmNvM91MeWJY/EhHF4miKfKfLAEj5mALrQ"
    "ncW5lwn0AjbRbYtvuzrtjniMnUWi4nMgJnRqV2riX5UYQ9l5F+n6aqlL9PtYkxkJ0VqLr4"
    "YWXwe82lnAq/iALQB0XKzMnKmMToxyPk/jnXkIICW30lmAlQB/rqL9fA2EN+z9r878hfiQ"
    "KlwqRhSbsG/lqxgwKTl9mL2p43PypIkcwZme3jZq3lSHJ6uYN1s5Ed1Xa8YVsyz4eYuJkp"
    "pnMV8Kchtl4E0YhW+zS/aUqlREMLiT1Xh3CLsiFD/zSOiUhCzscQTd4REqHsNq48lgaCPa"
    "HwlPJRGqX1TSRASLiGgI3o+PItmggqb8DOq9DIsgHJ7eIsyhTmBJFN7TwPwunqVPgA54iL"
    "Pgt6/M8Qh0euhiOVlelHsRz5u/cB6Wl+5oRqyAmuvVXK/mejXXKyfXU2bF/GQvLbg7trdN"
    "yDdM/oLlNo1ry3XxNOuAUiSiIJrz+F/ZIF2M19c/1cGfWDoLkeWkaKmocn2yq6bCNRWuqX"
    "AOKnxN3EfaJw0NA44eNRcRXy/IlJvthvlnoa5F4GtBOS+jEAA6tppPaMMRsjOVEe2coFFA"
    "wl6wHvcpvfaRzWFWiG5dR7YuEh/FpN7YwlNjBaBV0QoymK1A7ruWRlHMvgInyF4FGl7MKQ"
    "+PqfFApmms2k7fnY7hR+sBi8n9/UAjjvgVReOqx6R2GL0rmkrjoM2m1xLH7oJKB3SYETJn"
    "1jmzY+co8prQOZXqpXXIm78lW65vG6hgC6cYfJ5IIuE5oRH1OHM163mRsBghoQzOhH2Yl7"
    "hnauZPCYmhxS6btKcwXsrgjXRL57tfC3olwCuMs0yejyP9h+B4XFiw/qasXFIFD8dFvyQ8"
    "HCfKzHs4Tg+CMS/RiBXXzBslPVcAjIyqk/EuTq86F7VBd48NupU+gnfz6QT541vn/PLLxQ"
    "ky2cSBz+33V61zcbjOJEMXm2U5XgdNNoYaYVYB/cOwi1ghdaJ1BOo0xyKuy1xjhXOMKcG/"
    "3x5AcpkpRq4SorXqXSLVOxnuPq6l5Jx6kkK180M46ywwSnpz69WadsmYHWzPIM5rm0z2rn"
    "KZJ6Xe3GMPxGlo6U7s+RKaI3MCmYCsBSKKyPwBNXGJTex74v7DJigs7m3goeoHnq2Uh+H5"
    "QHGVvMbGD8QLvVC/8SCLB7XZ1Jrq44tst7qNXPeVh9LEsV7roq9CzrFKvbn8YpX6ArDyhS"
    "5UqpuLZtdWk7Z9Im2yYQvfG5yUqoApO68jaFKTTQyHvB07IbTrmA2V7eExlwEiF/oB1ETc"
    "sVvc7VlfQBV42g78n2uv/p159UudA3RKXQdf4K+RkKoCzgU9EGp36JWQ3Lc9iNqEX/UWFg"
    "csBfFaqY1V4frWmjI3tcv4qoM5KVo3c5mbuQ7/XZ0zLCWFdG8PsUw9Tuwz6ZrZ0O0Sx583"
    "F+4Sy5xGf54115kWzgHdE4TRA5ki7JjwSXhOokds+RoHmOUiQfQE3+PMpv+VE/SduLIFxN"
    "BkJIM1yHwiLYhIDfIDTly5+esRYr6dfUIWwY/ECw/PhHLYYk5eH5v61MwuT81oveYXbg6s"
    "4y9fMmy3f4BDdv80wNkO3zOBtW5JLemEn+XyndCJNnFNavw100pq5n6MIvb325CpPbGrrt"
    "YnFvniuzGqdM3hytzY0Zi8L2oXmwuuSeb2p3HX4HIJsHbD6MqJ63JCp3bIBK2Dt0AXN93u"
    "z+J1EnsNn4vaJJvHCaKaOybBGPIyR96xaeOp9K4R5GnMXI4B2wcYzQ66n4pE6gbBB3B/Hk"
    "VOoXZrlCZYXwtZrI8tGYzviYfuxpAB2kbSvzv56OQX8UxA8usdAjFqBaVABos6D9k3ei5w"
    "9dE4uzS6l1/aVwe3DWJjaomoqor7i8TYkE8l9nn8axbVI39p9NMy60vkyl1vzJM+acDI5e"
    "gT1Bwe0FjFi8llFlmrblHASjWvXGN9DdSeOntkby2EU0nB7YWYVOW2GLbi5ZGaoYqCHZct"
    "87mfMoE+W4YKgD2TqcK+wi5C9YerWJETbJHM7vrxzJSTRHmWqhxdu25fnUhlC1Sv84+dix"
    "OETZs6qmL3cw6ryemAR87tSdyXRFJJilahhxc8SFW7uFR8M0V6qVhsSJ2VfVzi0vXOWZkb"
    "e3/OTzfEVb+PJL0CxdKVHYizXuezuJhUZrh1rm+uxaWm4uy053viWtOfeXg6tdGWvRcUi/"
    "8lfgrlUzHCNK1WJGpIKyyqy4Z7OwTTsUKSN77GbmZeE62K3r6YPFnCLItNYIHePGTvgqL3"
    "kWTlgk65n2R10BL3olRwTGZc6LIGYJr7ZCqIW/qY7eqQqYd7qzggEw5n6+KluLlVsHtNmc"
    "/9e2KIGDMWw7pLJIog9h/m96C487C0KnWyQna5GKkSFiax+W8Sh1Os2VKL8L10SI/Bn+Uo"
    "d0WZZ4kiK9I1C9oz1e6mMW1qemS2lVM7GnJZPC08FZ5r4jqse4IieWI+Qy25GYZG2EOYIx"
    "tonAwtEHCTWc4gQkFUjNYMuuEqhG30y4haRIQ9ELbQKB/UeCfS7onFnKG84etuwtwH6akc"
    "GUjvLHH9VywiwN0zdMd915F2VRElIbS3ijSEbShJGGhvnRm00e1jHrQXGruUucBJmvDi/e"
    "iNTJ8EXrfCACNsR2hIheMtzbxsrHjshWZOG16qZ6wVhGEt42n6VdYwpG6k/tq0WUHTZjBN"
    "GAUDtKtylTC3Fdson0HAKdfZd5bYK1XhKlgakttox7n80I8X+KEfp/3Q92g/E7L6xEzPEr"
    "H0pH7x75v2jdi8DDIEYSG7l63zzsX7ExRbtm+ds8uPn7rtnsjcZ/ZY+J1B/netTlckDTC1"
    "yhI2Mlrx0y3WcfiCFovL7S5s24vUFeUv0neUC8erE/T81rm4vPrY6oo8t86HzvsPAr+cqA"
    "eHYV4evn41Owcjviw6AnMNdXXTQSMxB+461u2yXNvYsjLPFcXl9voK+E2AONN7C07jCbnq"
    "zeBb8YZQGUVxC6SmgNoIWWojZH9ETN9azatAFa79CkraymILQLPtRYeZa1AkUaFg0P88PH"
    "z58vXh85ev3hwfvX59/Ob5bG1KP1q0Up123ot1KtGa6YVrAJqeMcZ8pFn/s89mJqXWOqBZ"
    "slbY9flM6S0GwFpE7hus6CWcKqBWJfJ5DLtsqI8KlznlxEX2Wu2to86XYA/IJhzrr0TLnn"
    "zjMvXUu/rUWzuqVl2hhBZ0V2zhpGjNDsvczLMdzJWGsiJcN3WZm7qOxVbHYvvpR/fLGYut"
    "RVzaHzU0ri3hk+YijxY8z7PMjSUb0DqkWblCmj0S19MGfjrL3E6IiVTCJL+DTQQxqAogHG"
    "avILpbiRsHNXJtMPmFV4VzfST5OnbcMoJc4NDR5hezH/8HGs2MLw=="
)
