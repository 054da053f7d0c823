"""Partitions by month, in UTC, for the checks of the services and for the activity log.

The existing table becomes the first partition, of all that is before the proven bound, and nothing in it is read or
written; an empty one is replaced. The months up to three ahead are made here, later ones by `make_partitions`, and the
default partition takes the rows that have none. Indexes, triggers, foreign keys and privileges are those that the
table has. The downgrade copies the rows into a plain table.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
-- The previous version deletes old checks by their ctid, the place of a row in its file, which rows of other partitions
-- have, too: it would delete any of them.
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
    FOR given IN SELECT * FROM (VALUES
        (
            'service_status_history', 'checked_at', 'service_id, checked_at, id',
            'uq_service_status_history_service_id_checked_at_id', 'ix_service_status_history_service_id_checked_at'
        ),
        ('activity_logs', 'created_at', 'id, created_at', 'uq_activity_logs_id_created_at', NULL)
    ) AS tables (name, moment, key, key_index, replaced_index)
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
            WHERE indrelid = old AND indisvalid AND relname NOT IN (given.key_index, coalesce(given.replaced_index, ''))
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
            EXECUTE format(
                'ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I',
                before, 'pk_' || given.name, before || '_pkey', given.key_index
            );
            IF given.replaced_index IS NOT NULL THEN
                EXECUTE format('DROP INDEX IF EXISTS %I', given.replaced_index);
            END IF;
            FOR name_of_index, command IN
                SELECT relname, format('%s_idx%s', before, row_number() OVER (ORDER BY relname))
                FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid WHERE indrelid = old AND NOT indisprimary
            LOOP
                EXECUTE format('ALTER INDEX %I RENAME TO %I', name_of_index, command);
            END LOOP;
            first := bound;
        END IF;
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (%s)', given.name, 'pk_' || given.name, given.key);
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
        (
            'service_status_history', 'checked_at', 'service_id, checked_at, id',
            'uq_service_status_history_service_id_checked_at_id', 'ix_service_status_history_service_id_checked_at'
        ),
        ('activity_logs', 'created_at', 'id, created_at', 'uq_activity_logs_id_created_at', NULL)
    ) AS tables (name, moment, key, key_index, replaced_index)
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
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (%s)', given.key_index, given.name, given.key);
        IF given.replaced_index IS NOT NULL THEN
            EXECUTE format('CREATE INDEX %I ON %I (%s)', given.replaced_index, given.name, given.key);
        END IF;
        FOREACH command IN ARRAY unproven || foreign_keys || indexes || triggers || grants LOOP
            EXECUTE command;
        END LOOP;
        EXECUTE format('ALTER TABLE %I OWNER TO %s', given.name, owner);
    END LOOP;
END
$$;
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
