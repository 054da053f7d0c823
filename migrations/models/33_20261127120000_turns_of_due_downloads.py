"""Turns for the downloads that have become due, without a look at those that are scheduled for later.

PostgreSQL compares with `clock_timestamp()` row by row, so that each claim read everything that waited without a turn.
The time of the call is a condition of the index. From statistics in which hardly a row waits, or in which the ended ones
have no turn, the planner would still read all that wait, and sort them. Without a sort it follows the index.
"""

from typing import Final

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

_GIVE_TURNS: Final = """
CREATE OR REPLACE FUNCTION medianest_give_turns() RETURNS void LANGUAGE plpgsql VOLATILE{setting} AS $$
DECLARE{moment}
    due record;
BEGIN
    FOR due IN
        SELECT id, user_id, priority FROM youtube_downloads
        WHERE status = 'queued' AND turn IS NULL AND priority IN (0, 10, 20) AND scheduled_at <= {now}
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
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return _GIVE_TURNS.format(
        setting=" SET enable_sort = off", moment="\n    moment timestamptz := clock_timestamp();", now="moment"
    )


async def downgrade(db: BaseDBAsyncClient) -> str:
    return _GIVE_TURNS.format(setting="", moment="", now="clock_timestamp()")


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1z27gR/isYfYlvRvXknDi5Op3OyLaSqJWt1JaTa883NCxCEsYkoSNBK+o1/70LkJ"
    "RIkJRIvYVi8MWWQCwAPXjbZxdY/tmwmUks77g14PSZ8lmXjRpn6M+Gg20CH7IeN1EDTyaL"
    "hyKB40dL5sdhRsNiI/kEP3rchVR4OMSWRyDJJN7ApRNOmSNEeg5BfEydEfzFHE2xh0zmkG"
    "PU4Yj53KLPxINHBPkecdF0zJBJTUT5sSjeZAMoH4Q3Lsl36B8+MTgbEcjiQnm//Q7J1DHJ"
    "V+KJr382hpRYpvzcEEUY1BSSA5dgTkwD84aQIF8nLvE8+HVeVEiEJv1qJAAywlKMWBECzd"
    "lEZm/I0gA++eVbEyVaIEoCBDdrQFDIWvUnZQCKsnWvUylxuJCXmUXG4OvG/RAr1piXWayB"
    "otzJkyHbmJg6QaNkuhHJ3t11Lt/LnGLsPhoDZvm2s8g9mfExdEeU3fepeSxkxLMRcYgr2h"
    "ObSo5vWeHUi5KCcQwJ3PXJfACbiwSTDLFviQnZ+NvQd+QAQDYxKXaIx41wxof/HrFHjh0y"
    "BTj+HrY5Jn/7h3UZfDt6sShBtNp4fnv004ufGqnpLlqszNswaQAdBahSh4v++vNbUNsCP5"
    "naENVefGzdHL16I0ufMI+PXPlQotv4JgUxx8Zi2Cw6ZTFpkh3zGbuDMXaz+2YhpPQPtHed"
    "nokSFl2zWBojbCOcEngbxnWvb9y2+4axAbING381LOKM+Bi+/vzy5RKoP7duJNqQS8LNYC"
    "0PVvrr8NFJ8OybnKkRzMo0LYG1IrkW4OFArybep0XgPs1H+zQP7Kz1pgjUmStPDYA+OT0t"
    "gDTkyoVaPktibROOxeKShvoft73rbJzjMgrMJh1w9D9kUY8fHtxL0BVgiJJtz/vDioN6dN"
    "X6VcX7ots7V5dyUcC5gj2dGNg0xZ5ecqAnBes30l8XGeiv88f569Qwl3opBkx4Guo+KD/Z"
    "OCel6oDzElz77V/7CmpJfVFBjdqgG2F7kg1dUlRdJeARB/nj6MNelY5rNj3akSLX71y1b/"
    "utq0+JteKy1W+LJycydaakHr1RxvG8EPSl0/+IxFf0n951W11S5vn6/xG0ooF9zgyHTcXa"
    "EEMjSo6S0vOinGIfE9lAuz+cebFCORd0afiUqZsLpNLIvmcuoSPnn2Qm8e1AO7AzyFIOQ8"
    "pyFxZzkIguUhdNdPF0Ti/jwwl+OvxgwuWPh/rR9V23GxDSRzx4mmLXNBJQiyfshCkp87zp"
    "R/aJraZgBxZ4M/wZotEh6l02wNaFS0yhVWKrkWFEUrM0lxmSLJFZMPAwd0FjUj+y7oi6EX"
    "ZMNMGeN2WuidgQ4YXlZ4Ad5MG4QtRBUwrjyOfok0W+NpHnD8YIB4aiIXU9jrBpUydtbtpx"
    "XasNUtr0cEimBzEc5OdyymtcbDvmh9W9c9jGh2gWGmPsjdNof4TUbKhTgrUw9xQlwQrR9W"
    "E6wah0RsSIcEljec6YRbCTw3tzilBQfYQydgXrPCWOa/bWsQ08z3u9bkKVPe/0lYF7d3Xe"
    "hhEtxzNkosHu3blWuYQ/MdflEklRzSU0l6jyhrBFKlFG811FO3oO6TP4s13SUUno1+YcF6"
    "3bi9ZlW6EcG9GIK6HK3RAAx+ONDA6ReL6UQEil0HCDrAXZQ0vq7C880NK9MRoyF7T4IbXs"
    "JvyHB5R4SKZ5BHuguYKWn+WGXquUe+feaXFkwzBHzCEobLgUF+zAExzj6IHb0GHUfGiih+"
    "AHinEovgWFiU/UM14/PfyEKFQzIQ7CQCqQXPKLsYoCbu5mQX9vsg828nbDBOS+t512BGXt"
    "y+mtVL5OrWGvyz1s3uvlqw6LMWJlFG4CeyauR4grR0PpmhPS+XVqQntIhJZTbpVls3OZWl"
    "Ar1bNbzLW7zLebIrPJuVoC6aRgLeHetiM9tsyWGdILqTq4vPZgoAl0lTTMHSfHsbgQUBCm"
    "zgH6zaG58O8vJz+/fvv6l1dvXv8CWWQ75ylvl2CeNhVIha+kbWYuo40xBYwxdK2FgeqFoe"
    "zCMFfykzDfcrft+PZFAG1qdZhL7W+XawCzMgVaKbDjD5Ls8lP7+rJz/eEMhVmA8H36dNP7"
    "3L48Q8BjXVCSTUj73Op0W+fdNiQ+Yypbee+8h0SRbwgpxFQpZ6HjUEX66yS/u05SvaUq9S"
    "Wmhipav/mxk9NnIZ8yyp5AU+X0KbT1T6HpQz51N8wPmD0RJs71+lgR3kIvH86EO7iuro4P"
    "prqdeigHuioK6Za9KzlQD5llsSkoVRk8MBR9/88bYuGcmywZ7pX3YZE1gj6DbBiBt3yLuN"
    "3Kcu9ksXXCbpenBzPH3Qr3X3x8FnQDGolpUtQfKM/wTTHlXujMi3xzbIg8ZpNHZs4Q1Eve"
    "xc7xwTP4YqMRATHKERVePg+xKQwG4ZoL5rmZ5z3ceZ0ZfsDfIp4gn4tF9/eCrsEI3vKuoU"
    "WPzL2DscKa2lNUC0+R5kx1V6STk7bo9EtKaXU66xaWZic7YiexzW5DgqIeSjpMdFcSleRs"
    "zeYq6vDV9G+H9G9fGnmC0azQylX2U1QzT7OxYpFjgvPlwYUbWWKkKb/wUFBmE01dyjmR12"
    "+EsgylOl4Q0yEIFGNjk+QGlNl2BSUP4CUnXakQJ8sAjmnZOsxJ/RTuw3Gkll+Ba+dHBf7j"
    "wSKcQY1yb9rHROrgOtXX7DWb1GxyB3uEpj/7pT/fR1e/AbC71KaZN2YWD5dq46LDDEvkK2"
    "wbHzDf4cQ9Q2M2Bf1YKMDBpfemvN8C3xzmzGzme2iALUteiQnj8DRFPlPkgS18wgB0oTuL"
    "ey9TGAVsmmUW33V1mRbxGDuLRMXnQEzo1K7UxH9TYgzl512m66ulrtDvY11mJES1Fl8PLV"
    "4HvNpbwKv4hC0BdFysypypiocY5Xqexjv3EkBKbq27AGsB/lJF++UGCG/59L+68pfiQ6pw"
    "pRhRbMG+l00xYFFyBrB6U8fn5EUTOYIz/XTf0LxJhyer2Wm2aiJ6qN6MG2ZZ8POWEyU1z3"
    "K+FOQ2qsCbMApbs0/2lKpURDB4kNV4Dwi7IhQ/80h4KAlZ2OMIhsMzVDyB3caTwdDGdDAW"
    "J5VEqH5RSRMRLCKiIWgfH0eyQQVN+RnUexkWQRx4eocwhzqBJVFop4H5QzzLgAAd8BBnwW"
    "9fm+MRGPQwxAqyvCj3Mp63aHARlpceaEasAM31NNfTXE9zvWpyPWVVLE720oL7Y3u7hHzL"
    "5C/YbtO4tlwXz/IuKEUiCqIFr/9VDdLleP32uzr5E1tnKbKcFK0UVdY3uzQV1lRYU+ECVP"
    "iWuM90QBoZDDh61FxGfL0gU2G2G+afh7oWga8F5exFIQCy2GoxoS1HyM5VRjLXhAwFJBwF"
    "m3Gfymsf+RxmjejWOrJ1mfgoJvUmFp4ZawCtitaQwewEct+1MhTF/FfgBNnrQMPLHcrDE2"
    "o8kVkaq7YzcGcT+NHZgMXkfjzQiCN+Rdm46jGpPUbvipbSOGjz5bXCsbug0iEd5YTMmQ/O"
    "/Ng5inxG6JxajVId8uaHZMv6bQM17OEUgy8SScQWPx+2mJC5K/tSiZgYIZu8SpZ3YBpmmU"
    "giY+px5maoQGugFlyj+7gosS647cG0ER9x+VYOZVyuNHgYysQoYvuIiYRO7OAeYVjkmQzL"
    "H1wRDMzyyCFUmDKEzcOfIIfJTyCX8fqx7RYvvPcd4dgfWD78Dhk45JGMqOMIF/+jzyE3l6"
    "nEMY9Rf+6W9xJ1QptmSER3tPDkXVA/deAhpGAragWDBq9zFzLqicAeI1tX0Ime0YfGojRj"
    "UVRTu9Nr4U5P9GgpfSYhWSl1Rjt5VLUVlqL1PHkLOR2fscod7OZEis83wLl5oeJ/AHOS5u"
    "l1nw9JDaig+yoppM/RhEbCJf5tb+EI3dDFHXOpHhjERd3cydFVQU93kkrnE8IU5V5NCdPE"
    "v9gbqmFFgL4SxInJCDNk8JRgUdnvmi4ktRGlkmUWDS+TDUKcVsWKaxZ9z1ihEJI5VScjRp"
    "7fdK41hztgDlfrIDZ3n86QP7l3Lntfrs+kCQY+tz/cwHp5Cd/JyMVmVQLUQJdNoEZYVUD3"
    "M+wy53izRPU7nNJeSuK6zDXWiASUEvwBaU9imylHexKimvZo2lNpnVzTHk17Gqtpj9Sb++"
    "yJOI1MuhN7voLmyJxAJiBriZicMn9ATVxiE/uRuH+xCQqLexfc8fSDu6GUhwHuQXGVvMbG"
    "T+LWprzH+ZUHWTyozabWLDtC526r28oLs4tQmjjWG70qu9T1UqXeQjdLlfoCsIoF/1eqW4"
    "jm16ZJ2yGRNtmxxhh743TnfITU7M5JStXgMHjRq5RJTTYxHYoO7ITQvqMe1naExw7dE7nR"
    "D6Em4k7c8heHswuoA0/bww1ifS9+b/fipc4BOmXWAF9y4yEhVQecS57h1xeK10Ly0GwQ2r"
    "le9x4WIYoE8Vqrj1Vhfa6oyl3tMr7uZE6K6m6ucjfrF2jVJwpERSE92DAQM48T+0Jebmxk"
    "WYnjz5tLrcQypzFYZC0UFYJzQPcMYfREZgg7JnwSdw/RM7b8jAMwq0WC+IO+x5lN/ysX6A"
    "fx0lMQQ9OxDHco84m04J1OID/kxJXGX48Q8938E7IIfiZeGH4ilMMWc4qesdFxJ/YZdyLz"
    "3vlS48AmN84rhu3uQyDI4Z8GOP/K9Fwg47I0+h+qX6AxAUVCJ4rwPLpq/apCfdHtnaubbd"
    "at63gz00pqrj1GEfvxDDL6LnPd1frEJl/eGqNKaw5X5c6O5uRjWb/YQnBDMnc4nbsBl0uA"
    "tR9GV01cVxM6dUAmaB20Al3fdbvfi9dJ7DP4XNQn+TxOENXCUf0mkJeJAO5M3vgWp2sEeZ"
    "owl2PA9glms4MeZyKRukH4PjxYxGFXqN0GpQnW10IWG2BLhrN/4aGHCWSAvpH070E+Ovub"
    "eCYg+fsDAjFqBaVABos6T8Rc46hPxmGXRrf3pX1zdN8gNqaWeC+JcvxFYmzIpxL7Iudrlt"
    "Ujf2n003LrS+QqXG/sJH3SgVHooE9Qc3hBY51TTC6zyEZ1iwLWqnntGvWLlA/0sEe+aSFc"
    "SkqaF2JStTMx7OSUR2qFKgt2XLbK936qBPp8GyoB9lymDnaFfbzsLtzFytxgi2T2N47nrp"
    "wkyvNU5erabfvmTCpboHpdXnWuzxA2beqoit33uawmlwMeHW5P4r4iFmlStA4jvORFKn3E"
    "pebGFHlKxWIj6qx9xiUurS1nVe7sw7k/3cDAKp5JegeKpSsWiIt+53MbNh6Z4d65vbv91L"
    "6Wd6c935sQ57tenk4Z2vJtQbEI2uKnUD4TMyyj18oEkWyFRXXZ6GCn4PKQm5I9GuErgTdE"
    "60qUdRMUdYBMoRBeQ2ZZbAob9PYhex8UfYgkqxB0yhs+1wct8WbRGs7JnFeibgBYxhtZa4"
    "hb+prt+pCpl3vrOCETB842xUs55lbD4TVjPvcfiSFizFgMZ72GsQxi/2Z+H4q7DEur0yAr"
    "5ZeLkSrhYRLGf5M4nOIMk1qEb88hfQZ/VqPcFWVeJIqsydAs6c9Uh1uGazNjROZ7OTNnQy"
    "GPp4Vn4uSaeKH0I0GRPDGPUUsaw9AYewhzZAONk6EFAm4yzxlEKIiKyXSDbrkK4Rv9MqYW"
    "EWEPhC80ygc1Poi0R2IxZyTfkf0wZe6TPKkcOUgfLPEC7VhEgIdj9MB915F+VRElIfS3ij"
    "SEbShJOGjvnTm00fu7PegvNHEpc4GTNGX477BFpk+CU7fCASN8R2hEn2X08e3FXmgW9OGl"
    "RsZGQRg2cp6mm7KBI3Ur9WvXZg1dm8EyYZR8xZkqVwt3WzlD+RwCTnmWf2eFv1IVroOnIW"
    "lGOy10Dv10yTn00/Q59AOyZ0JWn5jpVSKWntQv/nXXvhPGyyBDEBay22tddq4/nKHYtn3v"
    "XPSuPnXbfZF5wOyJOHcG+d+3Ol2RNMTUqkrYyGjHT/dYx+FLeiwut7+wbT+/VHsrSEn2U7"
    "f35Qy9vHeuezdXra7Ic+987Hz4KPAriHpwGebVyds383sw4suyKzC3UFc3HTQSc+Cukywr"
    "y62NLSv3XlFcbn8Ap/BNw1v2RtE2QJzrvSWX8YRc/VbwnZyGUBlFeQ9kRgHaCVlpJ+RgTE"
    "zfWu9UgSqszxVUtJeFCSDD7EVHuXtQJFGjYNB/PTl59ertyctXb345ff327ekvL+d7U/rR"
    "sp3qvPNB7FOJ3kxvXEPQ9IwJ5uOM/T//bmZSaqMLmhXrhX3fz5SnxQBYi0i7wZqnhFMFaF"
    "Wi2Ilhl42yo8LlLjlxkYNWe3XU+QrYgGzCcfZLxfMX37iMXnrXX3r1QdW6K5TQg+6aPZwU"
    "1eywyt08t2CuNZUVYd3VVe5qHYtNx2L77lf3qxmLrUVcOhg3Mo62hE+ay0604EWeVcdY8g"
    "HVIc2qFdLsmbheZuCni1xzQkykFi75PRgRxKQqgXCYvYbo7iRuHNTIM4PJ5xPkmIiOHVeS"
    "IJe4dLT9zezb/wEiIoi8"
)
