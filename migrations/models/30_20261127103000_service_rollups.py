"""Roll-ups of the services' checks: what the checks of an hour, a day and more amount to, exact to the microsecond."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
-- The times are in microseconds, and the rest of the span is unknown. A span of more than an hour is the sum of the
-- hours in it that are rolled up. response_times counts the checks by buckets of milliseconds, in sums of powers of
-- two: each element is 32 times a bucket, and an exponent.
CREATE TABLE service_rollups (
    service_id INT NOT NULL,
    checks INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    up BIGINT NOT NULL,
    degraded BIGINT NOT NULL,
    down BIGINT NOT NULL,
    hours SMALLINT NOT NULL,
    response_times SMALLINT[] NOT NULL,
    CONSTRAINT pk_service_rollups PRIMARY KEY (service_id, hours, begins_at),
    CONSTRAINT ck_service_rollups_hours CHECK (hours IN (1, 24, 192, 1536, 12288)),
    CONSTRAINT ck_service_rollups_times
        CHECK (up >= 0 AND degraded >= 0 AND down >= 0 AND up + degraded + down <= hours * 3600000000),
    CONSTRAINT fk_service_rollups_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);

-- The parts of the hours that are rolled up in which a service was not up.
CREATE TABLE service_states (
    service_id INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    status VARCHAR(20) NOT NULL,
    error_message TEXT,
    CONSTRAINT pk_service_states PRIMARY KEY (service_id, begins_at),
    CONSTRAINT ck_service_states_status CHECK (status IN ('degraded', 'down', 'unknown')),
    CONSTRAINT ck_service_states_ends_at CHECK (ends_at > begins_at AND ends_at <= begins_at + interval '1 hour'),
    CONSTRAINT fk_service_states_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_service_states_down ON service_states (service_id, begins_at) WHERE status = 'down';

-- The hours that were rolled up and whose checks have changed since. Without a unique key, so that transactions that
-- change the same hour do not wait for each other.
CREATE TABLE stale_service_hours (
    service_id INT NOT NULL,
    hour TIMESTAMPTZ NOT NULL,
    CONSTRAINT fk_stale_service_hours_service_id FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_stale_service_hours_service_id_hour ON stale_service_hours (service_id, hour);

-- Since when the checks are kept: those before were removed.
CREATE TABLE kept_history (
    table_name VARCHAR(63) NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_kept_history PRIMARY KEY (table_name)
);
INSERT INTO kept_history (table_name, since) VALUES ('service_status_history', '0001-01-01 00:00:00+00');

-- Marks the hours in which added or removed checks count as stale. A check counts for five minutes.
--
-- A roll-up holds the service's row FOR UPDATE. A transaction that has changed checks holds it FOR KEY SHARE until its
-- end: an insert because of the foreign key, the others from here on. So no roll-up runs beside a change that it can't
-- see, and every change after a roll-up finds it here. Only in a snapshot from before it does not: there every hour
-- that is over is marked, which is never wrong.
--
-- An hour that began less than five minutes after the first check that is kept may lack an earlier one, so it and the
-- hours before it stay as they were rolled up. The row of kept_history is locked against a snapshot from before it was
-- changed.
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
    SELECT date_bin('1 hour', since + interval '1 hour 5 minutes' - interval '1 microsecond', epoch) INTO changeable
    FROM kept_history
    WHERE table_name = 'service_status_history' FOR SHARE;
    IF TG_ARGV[0] = 'added' AND EXISTS (SELECT FROM changed WHERE checked_at < changeable) THEN
        RAISE check_violation USING
            MESSAGE = 'a check is older than the checks that are kept',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'ck_service_status_history_kept';
    END IF;
    INSERT INTO stale_service_hours (service_id, hour)
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
    "hnauZPCYmhxS6btKcwXsrgjXRL57tfC3olwCuMs0yejyP9h+B4XFiw/qasXFIFD8flijeh"
    "/7lKeInTq85FbT/dY/tppU+83Xw6Qf741jm//HJxgkw2ceBz+/1V61ycZTPJ0MVmWU6zQZ"
    "ONoUYYxLDcG3YRo59OtA74nKY0xHWZa6xwbDAl+Pej3HLhWZHLJERrTbdEmm4yunyw3hfa"
    "4k8K1b4G4ayzwAbozY1Fa5oBY2anPYM4rykw2bvKZQ2UenOPPRCnoWUXsedLWIXMCbo7ZC"
    "0QwEPmD5iAS2xi3xP3HzZBYXFvA4dQP3AkpTyMhgeKq6QRNn4gXuj0+Y0HWTyozabWVB/O"
    "Y7vVbeR2rTyUJo71WvdqFfJFVerN5Yaq1BeAlS9SoFLdXDS7tpq07RNpkw1b+JrepFQFLM"
    "d5/S6TmmxiOOTt2AmhXYdIqGwPj1noiVzoB1ATccducS9jfQFV4Gk7cDeuneh35kQvdQ7Q"
    "KXUdfIF7REKqCjgXNPjX3scrIblvexC1xbzqLSzOMwritVIbq8L1JTFlbmqX8VUHc1K0bu"
    "YyN3Mdbbs6R0ZKCunenhmZepzYZ9ITsqHbJY4/by7cJZY5jf48a64jJJwDuicIowcyRdgx"
    "4ZNwVESP2PI1/ibLRYJgBb7HmU3/KyfoO3FDCoihyUjGRpD5RFoQABrkB5y4cvPXI8R8O/"
    "uELIIfiReeVQnlsMWcvC4t9SGVXR5S0TqpL9wcWMc9vWTYbv+8hOz+aYCz/atnAmtdSlrS"
    "CT/LwzqhE23iVtL4a6aV1Mz9GEXs77chUzs+V12tTyzyxXdjVOmaw5W5saMxeV/ULjYXXJ"
    "PM7U/jrsHlEmDthtGVE9flhE7tkAlaB2+BLm663Z/F6yT2Gj4XtUk2jxNENXcIgDHkZY68"
    "0tLGU+ldI8jTmLkcA7YPMJoddD8VidQNzvrj/jxom0Lt1ihNsL4WslgfWzL23RMP3Y0hA7"
    "SNpH938tHJL+KZgOTXOwRi1ApKgQwWdR6yL9Bc4OqjcXZpdC+/tK8ObhvExtQSQUwV9xeJ"
    "sSGfSuzz+Ncsqkf+0uinZdaXyJW73pgnfdKAkcvRJ6g5PKCxiheTyyyyVt2igJVqXrnG+t"
    "alPXX2yN5aCKeSgtsLManKbTFsxcsjNUMVBTsuW+ZzP2UCfbYMFQB7JlOFfYVdRMYPV7Ei"
    "J9gimd3145kpJ4nyLFU5unbdvjqRyhaoXucfOxcnCJs2dVTF7uccVpPTAY+c25O4Lwlckh"
    "StQg8veJCqdnGp+GaK9FKx2JA6K/u4xKXrnbMyN/b+nJ9uiJt1H0l6BYqlKzsQZ73OZ3EP"
    "qMxw61zfXIs7RMXZac/3xC2iP/PwdGqjLXsvKBZuS/wUyqdihGlarUiQjlZYVJcN93YIpk"
    "NzJC9YjV2EvCZaFb3sMHmyhFkWm8ACvXnI3gVF7yPJygWdch3I6qAlriGp4JjMuD9lDcA0"
    "17dUELf0MdvVIVMP91ZxQCYcztbFS3Fzq2D3mjKf+/fEEDFmLIZ1dzYUQew/zO9BcedhaV"
    "XqZIXscjFSJSxMYvPfJA6nWLOlFuF76ZAegz/LUe6KMs8SRVakaxa0Z6rdTWPa1PTIbCun"
    "djTksnhaeCo818TtU/cERfLEfIZacjMMjbCHMEc20DgZWiDgJrOcQYSCqBitGXTDVQjb6J"
    "cRtYgIeyBsoVE+qPFOpN0TizlDeaHW3YS5D9JTOTKQ3lnitq1YRIC7Z+iO+64j7aoiSkJo"
    "bxVpCNtQkjDQ3jozaKPLvjxoLzR2KXOBkzThxfvRG5k+CbxuhQFG2I7QkArHW5p5t1fx2A"
    "vNnDa8VM9YKwjDWsbT9KusYUjdSP21abOCps1gmjAKxkNX5Sphbiu2UT6DgFOus+8ssVeq"
    "wlWwNCS30Y5z+aEfL/BDP077oe/RfiZk9YmZniVi6Un94t837RuxeRlkCMJCdi9b552L9y"
    "cotmzfOmeXHz912z2Ruc/ssfA7g/zvWp2uSBpgapUlbGS04qdbrOPwBS0Wl9td2LYXqRvB"
    "X6SvBBeOVyfo+a1zcXn1sdUVeW6dD533HwR+OVEPDsO8PHz9anYORnxZdATmGurqpoNGYg"
    "7cdazbZbm2sWVlniuKy+31jeubAHGm9xacxhNy1ZvBt+INoTKK4hZITQG1EbLURsj+iJi+"
    "tZpXgSpc+xWUtJXFFoBm24sOM9egSKJCwaD/eXj48uXrw+cvX705Pnr9+vjN89nalH60aK"
    "U67bwX61SiNdML1wA0PWOM+Uiz/mefzUxKrXVAs2StsOvzmdJbDIC1iNw3WNFLOFVArUrk"
    "8xh22VAfFS5zyomL7LXaW0edL8EekE041t9Alj35xmXqqXf1qbd2VK26Qgkt6K7YwknRmh"
    "2WuZlnO5grDWVFuG7qMjd1HYutjsX204/ulzMWW4u4tD9qaFxbwifNRR4teJ5nmRtLNqB1"
    "SLNyhTR7JK6nDfx0lrmdEBOphEl+B5sIYlAVQDjMXkF0txI3Dmrk2mDyC2/m5vpI8nXsuG"
    "UEucCho80vZj/+D4tcW0E="
)
