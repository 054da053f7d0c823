"""Maintenance windows of the services: time that counts neither as up nor as down."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
CREATE TABLE service_maintenance (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    service_id INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    -- NULL while the window has no end.
    ends_at TIMESTAMPTZ,
    reason TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT pk_service_maintenance PRIMARY KEY (id),
    CONSTRAINT ck_service_maintenance_ends_at_after_begins_at CHECK (ends_at > begins_at),
    CONSTRAINT ck_service_maintenance_begins_at
        CHECK (begins_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT ck_service_maintenance_ends_at
        CHECK (ends_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT ck_service_maintenance_created_at
        CHECK (created_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT fk_service_maintenance_service_id
        FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_service_maintenance_service_id_begins_at ON service_maintenance (service_id, begins_at);
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
DROP TABLE service_maintenance;
"""


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXe9z2rjW/lc0fGl3hpvppk27b/bOnSEJbXkvCb0Jafe9mx1HwQI0sS3WlkO5e/u/v0"
    "eyDbZsg20INa6+JCDrSOLRr/OcIx3/1bKZSSzvqDPi9InyRZ9NWqfor5aDbQIfsh63UQvP"
    "ZquHIoHjB0vmx2FGw2IT+QQ/eNyFVHg4xpZHIMkk3silM06ZI0QGDkF8Sp0J/MUczbGHTO"
    "aQI9TjiPncok/Eg0cE+R5x0XzKkElNRPmRKN5kIygfhLcuyXfonz4xOJsQyOJCeb//AcnU"
    "MclX4omvf7XGlFim/NwSRRjUFJIjl2BOTAPzlpAgX2cu8Tz4dV5USIQm/WokADLCUoxYEQ"
    "LNxUxmb8nSAD755VsbJVogSgIEt2tAUEil+pMyAEXZuqtUShwu5GVmkTH4unU/xIo1lmUW"
    "a6Aod/ZoyDYmpk7QKJluRLK3t72L9zKnGLsPxohZvu2scs8WfArdEWX3fWoeCRnxbEIc4o"
    "r2xKaS41tWOPWipGAcQwJ3fbIcwOYqwSRj7FtiQrb+PvYdOQCQTUyKHeJxI5zx4b8H7JEj"
    "h8wBjn+EbY7J3/xpXQTfXr5YlSBabTy9e/nTi59aqekuWqzM2zBpBB0FqFKHi/7661tQ2w"
    "o/mdoS1Z5/7Fy/fP1Wlj5jHp+48qFEt/VNCmKOjdWwWXXKatIkO+YzdkdT7Gb3zUpI6R9o"
    "b5WeiRJWXbNaGiNsI5wSeBvG1WBo3HSHhrEFsi0bfzUs4kz4FL7+/OrVGqg/d64l2pBLws"
    "1gLQ9W+qvw0XHw7JucqRHMyjQtgbUiWQnwcKDXE++TInCf5KN9kgd21npTBOrMlacBQB+f"
    "nBRAGnLlQi2fJbG2CcdicUlD/b83g6tsnOMyCswmHXH0X2RRjx8e3GvQFWCIkm3P+9OKg/"
    "rysvObivd5f3CmLuWigDMFezozsGmKPb3kQE8KNm+kvyky0N/kj/M3qWEu9VIMmPA01ENQ"
    "frJxTko1Aec1uA67vw0V1JL6ooIatUE3wvYsG7qkqLpKwCMO8kfRh70qHVds/vKZFLlh77"
    "J7M+xcfkqsFRedYVc8OZapCyX15VtlHC8LQV96w49IfEX/Hlx11SVlmW/4b0ErWtjnzHDY"
    "XKwNMTSi5CgpPS/KKfYxkS20+8OZFxuUc0GXxo+ZurlAKo3se+YSOnH+SRYS3x60AzujLO"
    "UwpCy3YTEHiegqddVEF8+X9DI+nOCnww8mXP54qB9d3fb7ASF9wKPHOXZNIwG1eMKOmZKy"
    "zJt+ZB/bagp2YIE3w58hGh2i3mcjbJ27xBRaJbZaGUYkNUt7nSHJEpkFAw9zFzQmDSPrjq"
    "gbYcdEM+x5c+aaiI0RXll+RthBHowrRB00pzCOfI4+WeRrG3n+aIpwYCgaU9fjCJs2ddLm"
    "pmeua7NBSpseDsn0IIaD/FxOeY2L7cb8sLl3Dtv4EM1CY4q9aRrtj5CaDXVKsBHmnqIkWC"
    "G6PkwnGJXOhBgRLmkszxizCHZyeG9OEQqqD1DGc8G6TInjmr117ALPs8Ggn1Blz3pDZeDe"
    "Xp51YUTL8QyZaLB7965ULuHPzKpcIimquYTmEnXeEHZIJcpovptox8AhQwZ/dks6agl9Zc"
    "5x3rk571x0FcqxFY24FKrcNQFwPN7K4BCJ52sJhFQKDTfIWpA9dKTO/sIDLd2bojFzQYsf"
    "U8tuw394QImHZJpHsAeaK2j5WW7oSqXcOXdOhyMbhjliDkFhw6W4YAee4Bgv77kNHUbN+z"
    "a6D36gGIfiW1CY+EQ9483j/U+IQjUz4iAMpALJJb8Yqyjg5m4X9Pcm+2ArbzdMQO57u2lH"
    "UNa+nN5K5VVqDXtd7mHLXi9fdViMESujcBPYE3E9Qlw5GkrXnJDOr1MT2kMitJxyqyybXc"
    "o0glqpnt1irt11vt0UmU3O1RJIJwUbCfeuHemxZbbMkF5JNcHltQcDTaCrpGHuOTmOxZWA"
    "gjB1DtBvDs2Ff387/vnNuze/vH775hfIItu5THm3BvO0qUAqfCVtM0sZbYwpYIyhlRYGqh"
    "eGsgvDUslPwnzD3a7j2+cBtKnVYSm1v12uBczKFGilwI4/SLLLT92ri97Vh1MUZgHC9+nT"
    "9eBz9+IUAY91QUk2Ie1zp9fvnPW7kPiEqWzlnfMeEkW+MaQQU6WchY5DFemv4/zuOk71lq"
    "rUl5gaqmjz5seznD4L+ZRR9gSaKqdPoVU/haYP+TTdMD9i9kyYOKv1sSK8g14+nAl3cF1d"
    "Hx9MfTv1UA501RTSHXtXcqAeM8tic1CqMnhgKPr+n9fEwjk3WTLcK+/DIhsEfQbZMAJv+Q"
    "5xu5Hl3spim4Tdc54ezBx3G9x/8fFZ0A1oJKZJUX+gPMM3x5R7oTMv8s2xMfKYTR6YuUBQ"
    "L/k1do4PnsEXG00IiFGOqPDyeYjNYTAI11wwz8087+Gz15nhB/w94gnyuVh0/yjoGozgLe"
    "8aWvXI0jsYK6ytPUWN8BRpztR0RTo5aYtOv6SUVqezbmFpdvJM7CS22W1JUNRDSYeJ7kai"
    "kpyt2VxFHb6a/j0j/duXRp5gNBu0cpX9FNXM02ysWOSY4Hx5cOFGlhhpyi88FJTZRnOXck"
    "7k9RuhLEOpjhfEdAgCxdjYJLkBZXZdQckDeMlJVyrEyTqAY1q2DnPSPIX7cByp5VfgxvlR"
    "gf94sAhnUKPcm/YxkSa4TvU1e80mNZt8hj1C05/90p/vo6tfA9h9atPMGzOrh2u1cdFhhi"
    "XyFbaNj5jvcOKeoimbg34sFODg0ntb3m+Bbw5zFjbzPTTCliWvxIRxeNoinynywBY+YwC6"
    "0J3FvZc5jAI2zzKLP3d1mRbxGDuLRMXnQEzo1K7UxH9XYgzl512n66ulbtDvY11mJES1Ft"
    "8MLV4HvNpbwKv4hC0BdFyszpypjocY5Xqexjv3EkBKrtJdgEqAv1LRfrUFwjs+/a+u/KX4"
    "kCpcK0YUW7DvZFMMWJScEaze1PE5edFGjuBMP921NG/S4ckadpqtnogeqjfjmlkW/Lz1RE"
    "nNs54vBbmNOvAmjMLW7JM9pSoVEQzuZTXePcKuCMXPPBIeSkIW9jiC4fAEFc9gt/FkMLQp"
    "HU3FSSURql9U0kYEi4hoCNrHp5FsUEFbfgb1XoZFEAeefkWYQ53Akii008D8Pp5lRIAOeI"
    "iz4LdX5ngEBj0MsYIsL8q9juetGlyE5aUHmhErQHM9zfU019Ncr55cT1kVi5O9tOD+2N5z"
    "Qr5j8hdst2lcO66LF3kXlCIRBdGC1//qBul6vH7/Q538ia2zFFlOitaKKuubXZoKayqsqX"
    "ABKnxD3Cc6Iq0MBhw9aq8jvl6QqTDbDfMvQ12LwNeCcg6iEABZbLWY0I4jZOcqI5lrQoYC"
    "Eo6C7bhP7bWPfA5TIbq1jmxdJj6KSb2ZhRdGBaBV0QYymGeB3HetDEUx/xU4QfYm0PByh/"
    "LwjBqPZJHGquuM3MUMfnQ2YDG5Hw804ohfUTauekxqj9G7oqU0Dtpyea1x7C6odEwnOSFz"
    "loMzP3aOIp8ROqdRo1SHvPkh2bJ+20ADezjF4ItEErHFz4ctJmTuyr5UIiZGyCYvk+UdmI"
    "ZZJpLIlHqcuRkqUAXUgmt0H1clNgW3PZg24iMu38qhjMuNBg9DmRhFbB8xkdCJHdwjDIs8"
    "lWH5gyuCgVkeOYQKU4awefgz5DD5CeQyXj+22+KF974nHPsjy4ffIQOHPJAJdRzh4n/wOe"
    "TmMpU45hEaRr79ZW3QmgUScR0tPAuCksjaw4oZtLHK9ccI/MAEIxtU0G+e0W3GqjRjVVRb"
    "e9Ab4UFP9GgpFSYhWSsNRvt1VE0VVp9qzruVnA7JWOcOdnOCw+fb3Ny86PA/gAVJU/Omz4"
    "ekBlTQY5UU0kdnQrvgGpe2t/J9bunVjnlRDwziop7t5OiqoXM7yZ7zOWCKZW9mgWmuX+yl"
    "1LAiQF8JxsRkUBkyekzQp+zXSxeS2opSyTKLRpTJBiFOq2LFtYu+WqxQ1MicqpNBIs+ue1"
    "eawx0wh2t03JrbT6fIn905F4MvV6fS6gKfux+uYb28gO9k4mKzLjFpoMtmUCOsKqD7GXaZ"
    "o7tZovq1TWnHJHFd5hoVgv+kBH9A2pPYZsrRnoSopj2a9tRaJ9e0R9Oe1mbaI/XmIXskTi"
    "uT7sSeb6A5MieQCchaIgynzB9QE5fYxH4g7t9sgsLifg2udfqBy4jyMKY9KK6S19j4UVzU"
    "lFc3v/Igiwe12dRaZAflfN7qdvKO7CKUJo71Vm/HLnWjVKm30GVSpb4ArGLx/pXqVqL5tW"
    "nSdkikTXasMcXeNN05HyE1u3OSUg04/1309mRSk01Mh6IDOyG070CHjR3hsXP2RG70Y6iJ"
    "uDO3/F3h7AKawNP2cGlYX4Xf21V4qXOATpk1wNdcckhINQHnksf29R3iSkgemg1CO9eb3s"
    "MiKpEgXpX6WBXW54rq3NUu41Unc1JUd3Odu1m/M6s5gR9qCunBRn5YeJzY5/I+YyvLShx/"
    "3l5rJZY5jdEqa6FAEJwDuqcIo0eyQNgx4ZO4boiesOVnHIDZLBKEHPQ9zmz6H7lA34v3nI"
    "IYmk9lhEOZT6QFr3EC+TEnrjT+eoSYvy4/IYvgJ+KFESdCOWwxp+gZGx1qYp+hJjKvmq81"
    "Dmxzybxm2D5/1AM5/NMA59+SXgpk3I9G/0XNiy0moEjoRBGeLy87v6lQn/cHZ+pmm3XROt"
    "7MtJKaa49RxH48g4y+vtx0tT6xyZe3xqjSmsPVubOjOflQ1i+2EtySzB1O527B5RJg7YfR"
    "1RPXzYROHZAJWgetQFe3/f734nUS+ww+F/VJPo8TRLVwIL8Z5GUiZjuTV73F6RpBnmbM5R"
    "iwfYTZ7KCHhUikbhCxD49WodcVardFaYL1dZDFRtiSEexfeOh+BhmgbyT9u5ePTv8unglI"
    "/nGPQIxaQSmQwaLOIzErHPXJOOzS6g++dK9f3rWIjaklXkWiHH+RGBvyqcS+yPmadfXIXx"
    "r9tNz6ErkK1xs7SZ90YBQ66BPUHF7QqHKKyWUW2apuUUClmivXqN+dfKCHPfJNC+FSUtK8"
    "EJNqnInhWU55pFaosmDHZet876dOoC+3oRJgL2WaYFfYx/vtwl2szA22SGZ/43jpykmivE"
    "xVrq7ddK9PpbIFqtfFZe/qFGHTpo6q2H2fy2pyOeDR4fYk7hvCjyZFmzDCS16k0kdcGm5M"
    "kadULDahTuUzLnFpbTmrc2cfzv3pFgZW8UTSO1AsXbFAnA97n7uw8cgMd87N7c2n7pW8O+"
    "353ow43/XydMrQlm8LigXNFj+F8oWYYRm9ViZuZCcsqs8mBzsF10fZlOzRCN8CvCVal6Ks"
    "66CoA2QKhfAaM8tic9igdw/Z+6DoQyRZhaBTXupZHbTEy0QbOCdz3oK6BWAZL2FtIG7pa7"
    "bVIVMv9zZxQiYOnG2Ll3LMrYHDa8F87j8QQ8SYsRjOevNiGcT+j/lDKO4iLK1Jg6yUXy5G"
    "qoSHSRj/TeJwijNMahG+A4cMGfzZjHJflHmeKLIhQ7OkP1MdbhmuzYwRme/lzJwNhTyeFl"
    "6Ik2viHdIPBEXyxDxCHWkMQ1PsIcyRDTROhhYIuMkyZxChICom0w264yqEb/TLlFpEhD0Q"
    "vtAoH9R4L9IeiMWciXwt9v2cuY/ypHLkIL23xDuzYxEB7o/QPfddR/pVRZSE0N8q0hC2oS"
    "ThoL1zltBGr+z2oL/QzKXMBU7SluG/wxaZPglO3QoHjPAdoQl9kgHHdxd7oV3Qh5caGVsF"
    "YdjKeZpuyhaO1J3Ur12bDXRtBsuEUfKtZqpcI9xt5QzlSwg45Vn+nQ3+SlW4CZ6GpBntpN"
    "A59JM159BP0ufQD8ieCVl9YqZXiVh6Ur/41233VhgvgwxBWMj+oHPRu/pwimLb9p1zPrj8"
    "1O8OReYRs2fi3Bnkf9/p9UXSGFOrLmEjox0/3WM9h6/psbjc/sK2/fxK7a0gJdlP/cGXU/"
    "TqzrkaXF92+iLPnfOx9+GjwK8g6sFlmNfH794u78GIL+uuwNxAXf100EjMgbvOsqwsNza2"
    "rNx7RXG5/QGcwjcNb9kbRbsAcan3llzGE3LNW8Gf5TSEyijKeyAzCtBOyFo7IUdTYvpWtV"
    "MFqrA+V1DTXhYmgAyzF53k7kGRRIOCQf/P8fHr1++OX71++8vJm3fvTn55tdyb0o/W7VRn"
    "vQ9in0r0ZnrjGoOmZ8wwn2bs//l3M5NSW13QrFkv7Pt+pjwtBsBaRNoNKp4SThWgVYliJ4"
    "ZdNsmOCpe75MRFDlrt1VHna2ADsgnH2e8Rz1984zJ66a2+9OqDqk1XKKEH3Yo9nBTV7LDO"
    "3by0YFaayoqw7uo6d7WOxaZjsX33q/v1jMXWIS4dTVsZR1vCJ+11J1rwKs+mYyz5gOqQZv"
    "UKafZEXC8z8NN5rjkhJtIIl/wejAhiUpVAOMzeQHSfJW4c1Mgzg8nnE+SYiI4dV5Igl7h0"
    "tPvN7Nv/A9vRg8s="
)
