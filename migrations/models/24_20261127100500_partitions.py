"""Partitions by month, in UTC, for the checks of the services and for the activity log.

The existing table becomes the first partition, of all rows before the proven bound, without being read or written. An
empty table is replaced. The partitions up to three months ahead are made here, later ones by `make_partitions`; the
default partition takes the rows whose month has none. The new table gets the indexes, triggers, foreign keys and
privileges of the old one. The downgrade copies the rows into a plain table.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
-- The previous version deletes old checks by their ctid, the place of a row in its partition. Rows of other partitions
-- have the same ctid, so it would delete these as well.
CREATE FUNCTION medianest_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a ctid without a tableoid does not say which row of % is to be deleted', TG_TABLE_NAME
        USING ERRCODE = 'feature_not_supported', HINT = 'An older version of the program may have sent this.';
END
$$;

DO $$
DECLARE
    patience interval := (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') * interval '1 ms';
    deadline timestamptz := clock_timestamp() + coalesce(nullif(patience, interval '0'), interval '10 s');
    given record;
    old regclass;
    owner text;
    foreign_keys text[];
    unproven text[];
    indexes text[];
    triggers text[];
    grants text[];
    command text;
    users_of_it text;
    is_empty boolean;
    bound timestamp;
    first timestamp;
    before text;
    name_of_index text;
BEGIN
    -- Waits in short turns, between which the sessions that queue behind it go on. Foreign keys are made and dropped on
    -- both of their tables.
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', TRUE);
            LOCK TABLE services, users, service_status_history, activity_logs IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    -- The new index takes the name of the one that it replaces.
    DROP INDEX IF EXISTS ix_service_status_history_service_id_checked_at;
    ALTER INDEX ix_service_status_history_service_id_checked_at_only
        RENAME TO ix_service_status_history_service_id_checked_at;
    FOR given IN SELECT * FROM (VALUES
        ('service_status_history', 'checked_at', NULL, NULL),
        ('activity_logs', 'created_at', 'id, created_at', 'uq_activity_logs_id_created_at')
    ) AS tables (name, moment, key, key_index)
    LOOP
        old := given.name;
        users_of_it := (
            SELECT string_agg(DISTINCT pg_describe_object(d.classid, d.objid, 0), ', ')
            FROM pg_depend AS d LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
            WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = old AND d.deptype = 'n'
                AND (d.classid = 'pg_rewrite'::regclass OR k.confrelid = old)
        );
        IF users_of_it IS NOT NULL THEN
            RAISE EXCEPTION '% would see the rows of % until today only: drop it, and make it again after this migration',
                users_of_it, given.name USING ERRCODE = 'dependent_objects_still_exist';
        END IF;
        bound := (
            SELECT substring(pg_get_constraintdef(oid) FROM $re$'(.*)'$re$)::timestamptz AT TIME ZONE 'UTC'
            FROM pg_constraint WHERE conrelid = old AND conname = 'ck_' || given.name || '_bound'
        );
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', given.name) INTO is_empty;
        foreign_keys := ARRAY (
            SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', given.name, conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE conrelid = old AND contype = 'f'
        );
        unproven := ARRAY (
            SELECT format(
                'ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %3$s',
                given.name, conname, pg_get_constraintdef(oid)
            ) FROM pg_constraint WHERE conrelid = old AND contype = 'c' AND NOT convalidated
        );
        triggers := ARRAY (
            SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = old AND NOT tgisinternal
                AND tgname <> 'tr_service_status_history_refuse'
        );
        grants := ARRAY (
            SELECT format('GRANT %s ON %I TO %s', g.privilege_type, given.name,
                          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
                || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
            FROM pg_class CROSS JOIN aclexplode(relacl) AS g WHERE oid = old AND g.grantee <> relowner
            UNION ALL
            SELECT format('GRANT %s (%I) ON %I TO %s', g.privilege_type, attname, given.name,
                          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
                || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
            FROM pg_attribute CROSS JOIN aclexplode(attacl) AS g WHERE attrelid = old
        );
        owner := (SELECT relowner::regrole::text FROM pg_class WHERE oid = old);
        indexes := ARRAY (
            SELECT pg_get_indexdef(indexrelid) FROM pg_index AS x JOIN pg_class AS i ON i.oid = indexrelid
            WHERE indrelid = old AND indisvalid AND relname IS DISTINCT FROM given.key_index
                AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        );

        before := given.name || '_before_' || coalesce(to_char(bound, 'YYYY_MM'), 'infinity');
        EXECUTE format('ALTER TABLE %I RENAME TO %I', given.name, before);
        EXECUTE format(
            'CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (%I)',
            given.name, before, given.moment
        );
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', given.name, 'ck_' || given.name || '_bound');
        IF is_empty THEN
            EXECUTE format('DROP TABLE %I', before);
            first := date_trunc('month', now() AT TIME ZONE 'UTC');
        ELSE
            FOR command IN
                SELECT format('DROP TRIGGER %I ON %I', tgname, before) FROM pg_trigger
                WHERE tgrelid = old AND NOT tgisinternal
            LOOP
                EXECUTE command;
            END LOOP;
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', before, 'pk_' || given.name);
            IF given.key IS NOT NULL THEN
                EXECUTE format(
                    'ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I',
                    before, before || '_pkey', given.key_index
                );
            END IF;
            FOR name_of_index, command IN
                SELECT relname, format('%s_idx%s', before, row_number() OVER (ORDER BY relname))
                FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid WHERE indrelid = old AND NOT indisprimary
            LOOP
                EXECUTE format('ALTER INDEX %I RENAME TO %I', name_of_index, command);
            END LOOP;
            first := bound;
        END IF;
        IF given.key IS NOT NULL THEN
            EXECUTE format(
                'ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (%s)', given.name, 'pk_' || given.name, given.key
            );
        END IF;
        FOREACH command IN ARRAY unproven || foreign_keys || indexes || triggers || grants LOOP
            EXECUTE command;
        END LOOP;

        IF NOT is_empty THEN
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)', given.name, before,
                coalesce(quote_literal(bound AT TIME ZONE 'UTC'), 'MAXVALUE')
            );
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', before, 'ck_' || given.name || '_bound');
        END IF;
        FOR command IN
            SELECT format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                given.name || to_char(month, '_YYYY_MM'), given.name,
                month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
            )
            FROM generate_series(
                first, date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months', interval '1 month'
            ) AS month
        LOOP
            EXECUTE command;
        END LOOP;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', given.name || '_default', given.name);
        -- Without a key, a publication of all tables would make every DELETE fail.
        FOR command IN
            SELECT format('ALTER TABLE %s REPLICA IDENTITY FULL', relid) FROM pg_partition_tree(given.name::regclass)
            WHERE given.key IS NULL AND isleaf
        LOOP
            EXECUTE command;
        END LOOP;
        FOR command IN
            SELECT format('ALTER TABLE %s OWNER TO %s', relid, owner) FROM pg_partition_tree(given.name::regclass)
            JOIN pg_class ON oid = relid WHERE relowner <> owner::regrole
        LOOP
            EXECUTE command;
        END LOOP;
    END LOOP;
END
$$;

CREATE TRIGGER tr_service_status_history_refuse BEFORE DELETE ON service_status_history
    FOR EACH STATEMENT WHEN (current_query() ~ '\mctid\M' AND current_query() !~ '\mtableoid\M')
    EXECUTE FUNCTION medianest_refuse_delete();
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
DO $$
DECLARE
    patience interval := (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') * interval '1 ms';
    deadline timestamptz := clock_timestamp() + coalesce(nullif(patience, interval '0'), interval '10 s');
    given record;
    old regclass;
    owner text;
    foreign_keys text[];
    unproven text[];
    indexes text[];
    triggers text[];
    grants text[];
    command text;
    parts text;
    newest timestamptz;
    bound timestamp;
BEGIN
    -- Waits in short turns, between which the sessions that queue behind it go on. Foreign keys are made and dropped on
    -- both of their tables.
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', TRUE);
            LOCK TABLE services, users, service_status_history, activity_logs IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    FOR given IN SELECT * FROM (VALUES
        ('service_status_history', 'checked_at', NULL, NULL),
        ('activity_logs', 'created_at', 'id, created_at', 'uq_activity_logs_id_created_at')
    ) AS tables (name, moment, key, key_index)
    LOOP
        old := given.name;
        parts := given.name || '_partitions';
        foreign_keys := ARRAY (
            SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', given.name, conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE conrelid = old AND contype = 'f'
        );
        unproven := ARRAY (
            SELECT format(
                'ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %3$s',
                given.name, conname, pg_get_constraintdef(oid)
            ) FROM pg_constraint WHERE conrelid = old AND contype = 'c' AND NOT convalidated
        );
        triggers := ARRAY (
            SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = old AND NOT tgisinternal
                AND tgname <> 'tr_service_status_history_refuse'
        );
        grants := ARRAY (
            SELECT format('GRANT %s ON %I TO %s', g.privilege_type, given.name,
                          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
                || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
            FROM pg_class CROSS JOIN aclexplode(relacl) AS g WHERE oid = old AND g.grantee <> relowner
            UNION ALL
            SELECT format('GRANT %s (%I) ON %I TO %s', g.privilege_type, attname, given.name,
                          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
                || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
            FROM pg_attribute CROSS JOIN aclexplode(attacl) AS g WHERE attrelid = old
        );
        owner := (SELECT relowner::regrole::text FROM pg_class WHERE oid = old);
        indexes := ARRAY (
            SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = old AND NOT indisprimary
        );
        EXECUTE format('ALTER TABLE %I RENAME TO %I', given.name, parts);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES)', given.name, parts);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', given.name, parts);
        EXECUTE format('SELECT max(%I) FROM %I', given.moment, given.name) INTO newest;
        EXECUTE format('DROP TABLE %I', parts);
        bound := greatest(
            date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
            date_trunc('month', newest AT TIME ZONE 'UTC') + interval '1 month'
        );
        EXECUTE format(
            'ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (id), ADD CONSTRAINT %I CHECK (%s)',
            given.name, 'pk_' || given.name, 'ck_' || given.name || '_bound',
            CASE WHEN bound < '9999-12-31' THEN format('%I < %L', given.moment, bound AT TIME ZONE 'UTC')
                 ELSE format('%I IS NOT NULL', given.moment) END
        );
        IF given.key IS NOT NULL THEN
            EXECUTE format('CREATE UNIQUE INDEX %I ON %I (%s)', given.key_index, given.name, given.key);
        END IF;
        FOREACH command IN ARRAY unproven || foreign_keys || indexes || triggers || grants LOOP
            EXECUTE command;
        END LOOP;
        EXECUTE format('ALTER TABLE %I OWNER TO %s', given.name, owner);
    END LOOP;
END
$$;
ALTER INDEX ix_service_status_history_service_id_checked_at
    RENAME TO ix_service_status_history_service_id_checked_at_only;
CREATE INDEX ix_service_status_history_service_id_checked_at ON service_status_history (service_id, checked_at, id);
DROP FUNCTION medianest_refuse_delete();
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
