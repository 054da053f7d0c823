"""Maintenance windows of the services: time that counts neither as up nor as down."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
CREATE TABLE service_maintenance (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    service_id INT NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    -- NULL until it is ended.
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
    "1LAiQF8JxsRkUBkyekzQp+zXSxeSKkmpCgVpzP65SkzGs+velaZMB0yZGh0m5vbTKfJnd8"
    "7F4MvVqTRywOfuh2tYni7gO5m42KxLCBjoshnUCJMYVC3DLnNSNktUvyUp7Qckrstco0Ks"
    "nZTgD8gyxMZTkWUkRDXL0Cyj1iqwZhmaZbQ2swypNw/ZI3Famewi9nwDq5A5QXeHrCWiXs"
    "r8ARNwiU3sB+L+zSYoLO7X4BalH3hoKA9DyIPiKmmEjR/FvUh5U/IrD7J4UJtNrUV2DMzn"
    "rW4nr6QuQmniWG/1MupSFziVegvd3VTqC8AqFl5fqW4lml+bJm2HRNpkxxpT7E3TnfMRUr"
    "M7JynVgOPWRS8rJjXZxHQoOrATQvuOK9jYER471k7kRj+Gmog7c8tfzc0uoAk8bQ93dPXN"
    "873dPJc6B+iUWQN8zZ2ChFQTcC55Sl5f2a2E5KHZILQvu+k9LIIACeJVqY9VYX2Mp85d7T"
    "JedTInRXU317mb9SuqmhNnoaaQHmyghYXHiX0urw+2sqzE8efttVZimdMYrbIWirvAOaB7"
    "ijB6JAuEHRM+idt96AlbfsZ5k80iQYQ/3+PMpv+RC/S9eK0oiKH5VAYUlPlEWvDWJJAfc+"
    "JK469HiPnr8hOyCH4iXhjgIZTDFnOKHmnRkR32Gdkh82b3WuPANne6a4bt8wcZkMM/DXD+"
    "peSlQMZ1ZPRf1LxQXgKKhE4U4fnysvObCvV5f3CmbrZZ95rjzUwrqbn2GEXsxzPI6NvCTV"
    "frE5t8eWuMKq05XJ07O5qTD2X9YivBLcnc4XTuFlwuAdZ+GF09cd1M6NQBmaB10Ap0ddvv"
    "fy9eJ7HP4HNRn+TzOEFUC8fNm0FeJkKkM3mzWpyuEeRpxlyOAdtHmM0OeliIROoGAfLwaB"
    "XpXKF2W5QmWF8HWWyELRkw/oWH7meQAfpG0r97+ej07+KZgOQf9wjEqBWUAhks6jwSs8JR"
    "n4zDLq3+4Ev3+uVdi9iYWuLNH8rxF4mxIZ9K7Iucr1lXj/yl0U/LrS+Rq3C9sZP0SQdGoY"
    "M+Qc3hBY0qp5hcZpGt6hYFVKq5co36VcUHetgj37QQLiUlzQsxqcaZGJ7llEdqhSoLdly2"
    "zvd+6gT6chsqAfZSpgl2hX28Ti7cxcrcYItk9jeOl66cJMrLVOXq2k33+lQqW6B6XVz2rk"
    "4RNm3qqIrd97msJpcDHh1uT+K+IdpnUrQJI7zkRSp9xKXhxhR5SsViE+pUPuMSl9aWszp3"
    "9uHcn25hYBVPJL0DxdIVC8T5sPe5CxuPzHDn3NzefOpeybvTnu/NiPNdL0+nDG35tqBYjG"
    "rxUyhfiBmW0WtlwjR2wqL6bHKwU3B9UEvJHo3wpbtbonUpyroOijpAplAIrzGzLDaHDXr3"
    "kL0Pij5EklUIOuUdmtVBS7y7s4FzMuelo1sAlvHO0wbilr5mWx0y9XJvEydk4sDZtngpx9"
    "waOLwWzOf+AzFEjBmL4awXHZZB7P+YP4TiLsLSmjTISvnlYqRKeJiE8d8kDqc4w6QW4Ttw"
    "yJDBn80o90WZ54kiGzI0S/oz1eGW4drMGJH5Xs7M2VDI42nhhTi5Jl7Z/EBQJE/MI9SRxj"
    "A0xR7CHNlA42RogYCbLHMGEQqiYjLdoDuuQvhGv0ypRUTYA+ELjfJBjfci7YFYzJnIt1Df"
    "z5n7KE8qRw7Se0u8ojoWEeD+CN1z33WkX1VESQj9rSINYRtKEg7aO2cJbfSGbA/6C81cyl"
    "zgJG0ZbTtskemT4NStcMAI3xGa0CcZ33t3sRfaBX14qZGxVRCGrZyn6aZs4UjdSf3atdlA"
    "12awTBglXyKmyjXC3VbOUL6EgFOe5d/Z4K9UhZvgaUia0U4KnUM/WXMO/SR9Dv2A7JmQ1S"
    "dmepWIpSf1i3/ddm+F8TLIEISF7A86F72rD6cotm3fOeeDy0/97lBkHjF7Js6dQf73nV5f"
    "JI0xteoSNjLa8dM91nP4mh6Ly+0vbNvPr9TeClKS/dQffDlFr+6cq8H1Zacv8tw5H3sfPg"
    "r8CqIeXIZ5ffzu7fIejPiy7grMDdTVTweNxBy46yzLynJjY8vKvVcUl9sfwCl80/CWvVG0"
    "CxCXem/JZTwh17wV/FlOQ6iMorwHMqMA7YSstRNyNCWmb1U7VaAK63MFNe1lYQLIMHvRSe"
    "4eFEk0KBj0/xwfv3797vjV67e/nLx59+7kl1fLvSn9aN1Oddb7IPapRG+mN64xaHrGDPNp"
    "xv6ffzczKbXVBc2a9cK+72fK02IArEWk3aDiKeFUAVqVKHZi2GWT7KhwuUtOXOSg1V4ddb"
    "4GNiCbcJz92u78xTcuo5fe6kuvPqjadIUSetCt2MNJUc0O69zNSwtmpamsCOuurnNX61hs"
    "Ohbbd7+6X89YbB3i0tG0lXG0JXzSXneiBa/ybDrGkg+oDmlWr5BmT8T1MgM/neeaE2IijX"
    "DJ78GIICZVCYTD7A1E91nixkGNPDOYfD5Bjono2HElCXKJS0e738y+/T8NXlLd"
)
