"""Drop the unique index that allowed one open request for all of a series.

The release before names it in ON CONFLICT: from here on its `media_requests.submit` fails until it is replaced, while
everything else in it goes on. The downgrade fails, and changes nothing, while two requests that differ in their season
or quality alone are open: close one of them first.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
DROP INDEX CONCURRENTLY IF EXISTS uq_media_requests_tmdb_id_media_type;
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
CREATE UNIQUE INDEX uq_media_requests_tmdb_id_media_type ON media_requests (tmdb_id, media_type)
    WHERE status IN ('pending', 'approved');
"""


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1z2zYS/isYfYkzo2YSN246bqczsq0kuspWzpaTXusODYuwhTEJqCRoRZfLf78FSE"
    "okSEok9RKK4RdbArEA9OCF+2B3gS8tm5vEcl90RoI+UTHr84fWMfrSYtgm8CHtcRu18GSy"
    "eCgTBL6zVH4cZDQs/qCe4DtXOJAKD++x5RJIMok7cuhEUM6kyIARJMaUPcBfLNAUu8jkjL"
    "xAPYG4Jyz6RFx4RJDnEgdNxxyZ1ERUvJDFm3wE5YPw2iV5jP7jEUPwBwJZHCjvr78hmTKT"
    "fCau/PqldU+JZarPLVmEQU0pOXIIFsQ0sGhJCfJ54hDXhV/nhoWEaNLPRgwgIyjFiBQh0Z"
    "xNVPaWKg3gU1++tlGsBbIkQHC9BviFlKo/LgNQFK27TKWECSmvMsuM/te1+yFSrDEvM18D"
    "ZbmTR0O1MTZ1/EapdCOUvb7unb1VOeXYvTNG3PJstsg9mYkxdEeY3fOo+ULKyGcPhBFHti"
    "cylZhnWcHUC5P8cQwJwvHIfACbiwST3GPPkhOy9eu9x9QAQDYxKWbEFUYw44N/d9glLxiZ"
    "Ahy/BW2OyF/9Y5353w6eLUqQrTae3hw8f/a8lZjussXavA2SRtBRgCplQvbXl69+bQv8VG"
    "pLVnv6vnN58ONPqvQJd8WDox4qdFtflSAW2FgMm0WnLCZNvGM+Ymc0xk563yyEtP6B9pbp"
    "mTBh0TWLpTHENsQphrdhXAyGxlV3aBhrINuy8WfDIuxBjOHrq5cvl0D9sXOp0IZcCm4Oa7"
    "m/0l8Ejw79Z1/VTA1h1qZpAaw1yVKABwO9mngf5YH7KBvtoyyw09abPFCnrjw1APrw6CgH"
    "0pArE2r1LI61TQSWi0sS6n9dDS7ScY7KaDCbdCTQ/5BFXbF/cC9BV4IhS7Zd9x8rCurBee"
    "cPHe/T/uBEX8plASca9nRiYNOU7/SCAz0uWL+R/jrPQH+dPc5fJ4a50ksxYCKSUA9B+UnH"
    "OS5VB5yX4Drs/jHUUIvrixpq1AbdCNuTdOjiovoqAY8EyL8IP+xU6bjg04MtKXLD3nn3at"
    "g5/xBbK846w658cqhSZ1rqwU/aOJ4Xgj71hu+R/Ir+HFx09SVlnm/4p6QVLewJbjA+lWtD"
    "BI0wOUxKzotiin1EZA3tfn/mxQrlXNKl+8dU3VwilUT2LXcIfWC/k5nCtwftwGyUphwGlO"
    "U6KGYvEV2kLpro4OmcXkaHE/x0+MFEqB8P9aOL637fJ6R3ePQ4xY5pxKCWT/gh11LmeZOP"
    "7ENbT8EMFngz+Bmy0QHqfT7C1qlDTKlVYquVsomkZ2kv20iyZGbJwIPcOTeThuHujqwbYW"
    "aiCXbdKXdMxO8RXuz8jDBDLowrRBmaUhhHnkAfLPK5jVxvNEbY3yi6p44rEDZtypLbTVuu"
    "a/WGVLP1sE9bD3I4qM/FlNeo2Ga2H1b3zn5vPoSz0Bhjd5xE+z2kpkOdEKzFdk9eEqwRXQ"
    "+mE4xK9kCMEJckliecWwSzDN6bUYSG6h2UsS1Y5ylRXNNfHZvA82Qw6MdU2ZPeUBu41+cn"
    "XRjRajxDJuq/vXsXOpfwJmZZLhEXbbhEwyWq/ELYIJUoovmuoh0DRoYc/myWdFQS+tKc47"
    "Rzddo562qUYy0acS5VuUsC4LiilcIhYs+XEgilFBqOnzUne+gonf2ZC1q6O0b33AEt/p5a"
    "dhv+wwNKXKTSXIJd0FxBy08zQ5cq5YbdsI5ANgxzxBlBQcOVuGQHruQYB7fChg6j5m0b3f"
    "o/UI5D+c0vTH6irvH68fY5olDNhDCEgVQgteTnYxU5zNztnPbeeB+sZe2GCSg8dzPt8Mva"
    "ldFbq7xMrUGvq3fYvNeLVx0UY0TKyN0E/kQclxBHjYbCNceks+tsCO0+EVpBhVWUzc5lak"
    "GtdMtuPtPuMttugszG52oBpOOCtYR704b0yDJbZEgvpOpg8trBBo2vqyRh7rEMw+JCQEOY"
    "sj20m0Nz4d8Ph69ev3n9848/vf4Zsqh2zlPeLME8uVWgFL6CezNzmWYzJsdmDC21MNBmYS"
    "i6MMyV/DjMV8LpMs8+9aFNrA5zqd295VrArEyJVgLs6IM4u/zQvTjrXbw7RkEWIHwfPlwO"
    "PnbPjhHwWAeUZBPSPnZ6/c5JvwuJT5iqVt6wt5Ao891DCjF1ypnLHSpPfx1md9dhord0pb"
    "7A1NBF6zc/tuJ9FvApo6gHmi7XeKGV90JrnHzqvjE/4vZEbnGW62NNeAO9vD8Tbu+6ujo2"
    "mOp26r44dFUU0g1bVzKgDra0fdNvigZ9Esi//f2SWDgjnCXFxnKlyr1WxdaoD75u0xUuE7"
    "8V9iwd65y2LSPZ9/mCLn3XDN9XTZUYGp2eucgvs42mDhWCKM81aYWCUpnrh0P5MZY2Nklm"
    "LOamKyhouwrxKREduAxgY1FuEyFYP6vG/uxBFF83a7cFAaq4C4twipaeGaQSEanDrkMTod"
    "KQ17QtomLvlrhUw2uW8xpn4X+0JrXR3Zn2E92VFCc+vIqynG3q6pcAdp/aNNXZbPFwqTYu"
    "O8ywZL7cbmYj7jFBnGM05lPQj6UC7MeLtJVrGHxjnM1s7rlohC1LeZMFIaxtmc+UeeAVPu"
    "EAutSdpcvYFEYBn6b5o227uhTFPOY6ForKz76Y1KkdpYn/pYXnZuddpuvrpa7Q7yNdZsRE"
    "Gy2+Hlp8Eyu+s1jx6IQtAHRUrMqcqYr2P7WeJ/HO9J9JyJVyoykF+Esd7ZdrILxhxxl95S"
    "/Eh3ThSjGiyIJ9o5piwKLERrB6U+YJ8qyNmORMz29aDW9qIvtrZgiqJqLbtANtlSFxy4Kf"
    "t5wo6XmW8yU/t1EF3oRR0JpdsqdEpTL451ZV494i7MhTLLmrDCfSJmJhVyAYDk9Q8QTeNq"
    "46R2BMR2NE/VMuZSVtRLA8TABB+8Q4lPUraKvPoN6riCJ5zsAvCAuoE1gShXYaWNxGs4wI"
    "0AEXCe7/9tIcj8CghyGWk+WFuZfxvEWD87C85EAzIgU0XK/heg3Xa7heNbmetirmJ3tJwd"
    "2xvT2KmvBft0lcO46DZ1m+faGIhmhOz9mqQbocr7/+1id/7NVZiCzHRStFlRunyIYKN1S4"
    "ocI5qPAVcZ7oiLRSGHD4qL2M+Lp+ptxsN8g/PyVOnhknKecgjJ5JY6v5hDZ8uFymMpK6Jq"
    "QoIMEoWI/7VF77yOYwJQ6Gaw6FKxJaaFJ3YuGZUQJoXbSGDGYrkHuOlaIoZp8e7WevAw0v"
    "5pSHJ9R4JLMkVl02cmYT+NHpgEXkvj/QCJO/ouiRhBGpHQa+h0tpFLT58lrhsHeo9J4+ZE"
    "SbzgdndtipJp8SdVqrUdpEi36XbLk5qLOGPZxg8AWC8MbUFdxJeZ8XCcILCKUfE/Z+UeKe"
    "qZnfJAAvFbts0p7AeCWDN5I9ne9oehiVAK80znIVH0dGj354XFBw+iHzuaQKBseFvyQIjp"
    "NlFjvWMB0KY1GuES+0MbUmptj+mVprHRx3/eEYeZMbdjb4dHGMTD5l8Ln77rJzJsPeTPLg"
    "YLMqgW/QZROoEeY7aAaGXcQ+mCbaHKuWZD/EcbhjlIgwTAh+f+w8vvQXoz0x0UYprpBSHD"
    "/DMao/5Fx64kKNW0Kw6iwxF7oLu9KaFsOIhWrPIM5rNYyPrmoZDpUaPeSPhLVSiUjk+QoC"
    "onKCmg9Zi1ywLvP7pMEhNrHviPODTVBQ3C++76jn+5xSERxaD4qrYhw2fgwuTmfw0vOzuF"
    "CbTa1Zxi3sW61uR1e1x7Fe6/T6Qm6rWr25PFa1+nyw8h3VrlW3EM2urSFt+0TaVMcWvgwr"
    "LlUDI3NeF824JhubDnkHdkxo16cp1HaER4z5RL3o76Em4kyc4g7J6QXUgaftwDO58bdv7u"
    "Gu9O5D46j8fexBNMb1uvewDH2UxKtUH+vCzVHMVe5qh4uykzku2nRzlbu5OXG7PtElFYV0"
    "b8NLZq4g9qlymmyl7RJHn7eX7hKrnMZokTVXtIkQgO4xwuiRzBBmJnySPo3oCVteimvKah"
    "H/XAPPFdym/1UL9K28lhTE0HSsjlFQ+WSaf1Y0yN8LEtx4Soj5y/wTsgh+Im4Q1hLIYYuz"
    "vN4vTTzLLuNZUv3Zl24OrOPJXjFstx9aoYZ/EuBsV+y5wFpX/1R0wc9yxo7pRJu4+yfazK"
    "SSmrkfo4l9fxsyjY903dX62Eu++G6MLt1wuCp3djgn74raxRaCa5K5/encNbhcDKzdMLpq"
    "4rqa0OkDMkbroBXo4rrf/1a8TmGfwufCPsnmcZKo5j4tYAJ5uTwYjiMbz5R3jSRPE+4IDN"
    "g+wmxm6G4mE6njHwuAR4vz3TRqt0ZpkvV1kMVH2FLH5D1z0e0EMkDfKPp3qx4d/yqfSUh+"
    "u0UgRi2/FMhgUfZIzBKuPinOLq3+4FP38uCmRWxMLXneqeb+ojA21FOFfR7/mmX1qF8a/r"
    "TM+mK5ctcb8aSPGzByOfr4NQfxGmW8mBxukbXqlgWUqrl0jc0FTXvq7JG9tRAsJQW3FyJS"
    "tdti2IqXR2KFKgp2VLbKcT9VAn3+GioA9lymDvsKuzhEP3iLFYlgC2V2eMF8aMqJozxP1U"
    "LXrrqXx0rZAtXr7Lx3cYywaVOmK3bfJlhNLQcidG6P477ijJO4aB1GeMFAqsbFpeabKcpL"
    "xeIPlJX2cYlKNztnVe7s/YmfbslLeJ9I8g0USdd2IE6HvY/yylCV4YZdXV/J60Zl7LTruf"
    "LC0W8ZPJ3YaMveC4qczCV/ChUzOcPWvFS7ExTV5w97OwWTp3jE72KN3Jm8wSvI95Ap5MJL"
    "u/6iPFixazdqOLAy7gtZA7CU60pqiFsyVrQ8ZHqEah0nZMxral28NF+tGg6vGfeEd0cMeV"
    "CKxXHaHQVFEPsP94ZQ3FlQWp0GWSHjUoQZSDOJ3ME2CRMUp+wLhfgOGBly+LMa5b4s8zRW"
    "ZE2GZkGjnD7cUuxzKSMy21SXOhtyme0sPJPuV/K2pTuCQnlivkAdtaODxthFWCAbuIiKj/"
    "cV7HlOP8w+LCbVlrfhKqSB79OYWkTG7kuDXpgParyVaXfE4uxBXSB1O+XOo3K3Da18t5a8"
    "XSoS1n67uaD+dk7jUKK31oruX8sql2zKGha6jdTf2MxqaDPzp65R8ExuXa4WdpxiO7BzCA"
    "QVaYaDFYYwXbgOW9jx/ZmjXA7OR0scnI+SDs57tFEGWT1iJleJSHr8nf/v6+613BXzM/jn"
    "DfYHnbPexbtjFHmV3rDTwfmHfncoM4+4PZEOTZD/bafXl0n3mFpVOY9w4lDuUJHiqtZjYk"
    "mPReV2dx7Yq8St1K+S11JLj55j9PKGXQwuzzt9meeGve+9ey/xy4m6H2Xx4+Gbn+YBFvLL"
    "stiKK6irnzyNEAvgk5O0nY8rG1tWZsBKVG6vb/3eBIhzXbTgMh6Tq98KvhUzu67lFzdtpR"
    "TQWLcqbd0ajYnpWeXM1bpwY7CuaC/fg9ZhTLAYp7yLsgPQ4lJrRaHtzwzeShCacokBYC2i"
    "OGxJV8hEAc1rLZ9bpMMf0o++ylTBoiJ7rYI1R2tXYD/CJgKn38iUvfhGZZqlt/zS23jj1V"
    "25gR50SvZwXLRhKlXu5vluWqmprAk3XV3lrm4OnGoOnPrm8cnVPHCqQxw6GrdSXB+CJ+1l"
    "Hg94kWeVm0M2oM25TdU6t0leEp96us1p5nZCRKQW5uEdbCLISVUA4SB7DdHdyuFYUKNIPT"
    "F76U3FIv247OaArFUEuUBkxeZfZl//D3PQMeA="
)
