"""A bound for the existing rows, which will be in one partition: the beginning of the month after next.

If a row is later, the bound is the end of that row's month; if a row is beyond the year 9999, there is no bound. Once
the bound is proven for all rows, the table can become a partition without being read. From here on, no row at the bound
or after it can be inserted, until the migration `partitions` is applied.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
DO $$
DECLARE
    patience interval := (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') * interval '1 ms';
    deadline timestamptz := clock_timestamp() + coalesce(nullif(patience, interval '0'), interval '10 s');
    given record;
    newest timestamptz;
    bound timestamp;
BEGIN
    -- Waits in short turns, between which the sessions that queue behind it go on.
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', TRUE);
            LOCK TABLE service_status_history, activity_logs IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    FOR given IN VALUES
        (
            'service_status_history', 'checked_at',
            'SELECT max(latest.checked_at) FROM services CROSS JOIN LATERAL (
                SELECT checked_at FROM service_status_history WHERE service_id = services.id
                ORDER BY checked_at DESC LIMIT 1
            ) AS latest'
        ),
        ('activity_logs', 'created_at', 'SELECT max(created_at) FROM activity_logs')
    LOOP
        EXECUTE given.column3 INTO newest;
        bound := greatest(
            date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
            date_trunc('month', newest AT TIME ZONE 'UTC') + interval '1 month'
        );
        EXECUTE format(
            'ALTER TABLE %I ADD CONSTRAINT %I CHECK (%s) NOT VALID', given.column1, 'ck_' || given.column1 || '_bound',
            CASE WHEN bound < '9999-12-31' THEN format('%I < %L', given.column2, bound AT TIME ZONE 'UTC')
                 ELSE format('%I IS NOT NULL', given.column2) END
        );
    END LOOP;
END
$$;
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
ALTER TABLE service_status_history DROP CONSTRAINT ck_service_status_history_bound;
ALTER TABLE activity_logs DROP CONSTRAINT ck_activity_logs_bound;
"""


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
