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
    "eJztXe9z2rjW/lc0fGl2hpvppk27b/bOnaEJbXkvCb0Jafe9mx1HwQI0sS3WlkO5e/u/v0"
    "eyDbZsg20INa6+JCDrSOLRr/OcIx3/1bKZSSzvuDPi9InyRZ9NWmfor5aDbQIfsh63UQvP"
    "ZquHIoHjB0vmx2FGw2IT+QQ/eNyFVHg4xpZHIMkk3silM06ZI0QGDkF8Sp0J/MUczbGHTO"
    "aQY9TjiPncok/Eg0cE+R5x0XzKkElNRPmxKN5kIygfhLcuyXfonz4xOJsQyOJCeb//AcnU"
    "MclX4omvf7XGlFim/NwSRRjUFJIjl2BOTAPzlpAgX2cu8Tz4dV5USIQm/WokADLCUoxYEQ"
    "LNxUxmb8nSAD755VsbJVogSgIEt2tAUEil+pMyAEXZuqtUShwu5GVmkTH4unU/xIo1lmUW"
    "a6Aod/ZoyDYmpk7QKJluRLK3t72L9zKnGLsPxohZvu2scs8WfArdEWX3fWoeCxnxbEIc4o"
    "r2xKaS41tWOPWipGAcQwJ3fbIcwOYqwSRj7FtiQrb+PvYdOQCQTUyKHeJxI5zx4b8H7JFj"
    "h8wBjn+EbY7J3/xpXQTfjl6sShCtNp7eHv304qdWarqLFivzNkwaQUcBqtThor/++hbUts"
    "JPprZEtecfO9dHr97I0mfM4xNXPpTotr5JQcyxsRo2q05ZTZpkx3zG7miK3ey+WQkp/QPt"
    "rdIzUcKqa1ZLY4RthFMCb8O4GgyNm+7QMLZAtmXjr4ZFnAmfwtefX75cA/XnzrVEG3JJuB"
    "ms5cFKfxU+OgmefZMzNYJZmaYlsFYkKwEeDvR64n1aBO7TfLRP88DOWm+KQJ258jQA6JPT"
    "0wJIQ65cqOWzJNY24VgsLmmo//dmcJWNc1xGgdmkI47+iyzq8cODew26AgxRsu15f1pxUI"
    "8uO7+peJ/3B+/UpVwU8E7Bns4MbJpiTy850JOCzRvpr4sM9Nf54/x1aphLvRQDJjwN9RCU"
    "n2yck1JNwHkNrsPub0MFtaS+qKBGbdCNsD3Lhi4pqq4S8IiD/HH0Ya9KxxWbHz2TIjfsXX"
    "Zvhp3LT4m14qIz7IonJzJ1oaQevVHG8bIQ9KU3/IjEV/TvwVVXXVKW+Yb/FrSihX3ODIfN"
    "xdoQQyNKjpLS86KcYh8T2UK7P5x5sUE5F3Rp/Jipmwuk0si+Zy6hE+efZCHx7UE7sDPKUg"
    "5DynIbFnOQiK5SV0108XxJL+PDCX46/GDC5Y+H+tHVbb8fENIHPHqcY9c0ElCLJ+yEKSnL"
    "vOlH9omtpmAHFngz/Bmi0SHqfTbC1rlLTKFVYquVYURSs7TXGZIskVkw8DB3QWPSMLLuiL"
    "oRdkw0w543Z66J2BjhleVnhB3kwbhC1EFzCuPI5+iTRb62keePpggHhqIxdT2OsGlTJ21u"
    "eua6NhuktOnhkEwPYjjIz+WU17jYbswPm3vnsI0P0Sw0ptibptH+CKnZUKcEG2HuKUqCFa"
    "Lrw3SCUelMiBHhksbyHWMWwU4O780pQkH1Acp4LliXKXFcs7eOXeD5bjDoJ1TZd72hMnBv"
    "L991YUTL8QyZaLB7965ULuHPzKpcIimquYTmEnXeEHZIJcpovptox8AhQwZ/dks6agl9Zc"
    "5x3rk571x0FcqxFY24FKrcNQFwPN7K4BCJ52sJhFQKDTfIWpA9dKTO/sIDLd2bojFzQYsf"
    "U8tuw394QImHZJpHsAeaK2j5WW7oSqXcOXdOhyMbhjliDkFhw6W4YAee4BhH99yGDqPmfR"
    "vdBz9QjEPxLShMfKKe8frx/idEoZoZcRAGUoHkkl+MVRRwc7cL+nuTfbCVtxsmIPe93bQj"
    "KGtfTm+l8iq1hr0u97Blr5evOizGiJVRuAnsibgeIa4cDaVrTkjn16kJ7SERWk65VZbNLm"
    "UaQa1Uz24x1+46326KzCbnagmkk4KNhHvXjvTYMltmSK+kmuDy2oOBJtBV0jD3nBzH4kpA"
    "QZg6B+g3h+bCv7+d/Pz67etfXr15/Qtkke1cprxdg3naVCAVvpK2maWMNsYUMMbQSgsD1Q"
    "tD2YVhqeQnYb7hbtfx7fMA2tTqsJTa3y7XAmZlCrRSYMcfJNnlp+7VRe/qwxkKswDh+/Tp"
    "evC5e3GGgMe6oCSbkPa50+t33vW7kPiEqWzlnfMeEkW+MaQQU6WchY5DFemvk/zuOkn1lq"
    "rUl5gaqmjz5seznD4L+ZRR9gSaKqdPoVU/haYP+TTdMD9i9kyYOKv1sSK8g14+nAl3cF1d"
    "Hx9MfTv1UA501RTSHXtXcqAeM8tic1CqMnhgKPr+n9fEwjk3WTLcK+/DIhsEfQbZMAJv+Q"
    "5xu5Hl3spim4Tdc54ezBx3G9x/8fFZ0A1oJKZJUX+gPMM3x5R7oTMv8s2xMfKYTR6YuUBQ"
    "L/k1do4PnsEXG00IiFGOqPDyeYjNYTAI11wwz8087+Gz15nhB/w94gnyuVh0/yjoGozgLe"
    "8aWvXI0jsYK6ytPUWN8BRpztR0RTo5aYtOv6SUVqezbmFpdvJM7CS22W1JUNRDSYeJ7kai"
    "kpyt2VxFHb6a/j0j/duXRp5gNBu0cpX9FNXM02ysWOSY4Hx5cOFGlhhpyi88FJTZRnOXck"
    "7k9RuhLEOpjhfEdAgCxdjYJLkBZXZdQckDeMlJVyrEyTqAY1q2DnPSPIX7cByp5VfgxvlR"
    "gf94sAhnUKPcm/YxkSa4TvU1e80mNZt8hj1C05/90p/vo6tfA9h9atPMGzOrh2u1cdFhhi"
    "XyFbaNj5jvcOKeoSmbg34sFODg0ntb3m+Bbw5zFjbzPTTCliWvxIRxeNoinynywBY+YwC6"
    "0J3FvZc5jAI2zzKLP3d1mRbxGDuLRMXnQEzo1K7UxH9XYgzl512n66ulbtDvY11mJES1Ft"
    "8MLV4HvNpbwKv4hC0BdFyszpypjocY5Xqexjv3EkBKrtJdgEqAv1TRfrkFwjs+/a+u/KX4"
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
    "k2H5gyuCgVkeOYQKU4awefgz5DD5CeQyXj+22+KF974nHPsjy4ffIQOHPJAJdRzh4n/wOe"
    "TmMpU45jEaRr79ZW3QmgUScR0tPAuCksjaw4oZtLHK9ccI/MAEIxtU0G+e0W3GqjRjVVRb"
    "e9Ab4UFP9GgpFSYhWSsNRvt1VE0VVp9qzruVnA7JWOcOdnOCw+fb3Ny86PA/gAVJU/Omz4"
    "ekBlTQY5UU0kdnQrvgGpe2t/J9bunVjnlRDwziop7t5OiqoXM7yZ7zOWCKZW9mgWmuX+yl"
    "1LAiQF8JxsRkUBkyekzQp+zXSxeS2opSyTLLvdAsG4o4uUoWqtlVar4eHrtqdESZ209nyJ"
    "/dOReDL1dn0h4Cn7sfrmElu4DvZOJisy7RYqDLZlAjzHfQygy7zKHaLFH9QqW0y5C4LnON"
    "CmF5UoI/ICFJLP3lCElCVBMSTUhqrS1rQqIJSWszIZFq9JA9EqeVSURizzcQEJkT1HzIWi"
    "JApswfkAaX2MR+IO7fbILC4n4NLlz6gTOH8jDaPCiuknHY+FFcoZSXKr/yIIsHtdnUWmSH"
    "y3ze6nby9uoiDCeO9VbvrS5111Opt9A1T6W+AKxikfiV6lai+bVp0nZIpE12rDHF3jTdOR"
    "8hNbtzklINOJld9F5jUpNNTIeiAzshtO8QhI0d4bET8ERu9GOoibgzt/wt3uwCmsDT9nCd"
    "V19S39sldalzgE6ZNcDXXD9ISDUB55IH6vXt3kpIHpoNQru9m97DIl6QIF6V+lgV1id+6t"
    "zVLuNVJ3NSVHdznbtZv82qOSEZagrpwcZkWHic2OfypmEry0ocf95eayWWOY3RKmuhEA2c"
    "A7pnCKNHskDYMeGTuAiInrDlZxxN2SwSBAP0Pc5s+h+5QN+LN5CCGJpPZexBmU+kBS9YAv"
    "kxJ640/nqEmL8uPyGL4CfihbEgQjlsMafo6RcdBGKfQSAyL4GvNQ5sc/27Ztg+fzwCOfzT"
    "AOffX14KZNxcRv9FzYv6JaBI6EQRnkeXnd9UqM/7g3fqZpt1BTrezLSSmmuPUcR+PIOMvl"
    "jcdLU+scmXt8ao0prD1bmzozn5UNYvthLckswdTuduweUSYO2H0dUT182ETh2QCVoHrUBX"
    "t/3+9+J1EvsMPhf1ST6PE0S1cIi9GeRlIpo6k5ewxekaQZ5mzOUYsH2E2eygh4VIpG4QSw"
    "+PVkHRFWq3RWmC9XWQxUbYkrHlX3jofgYZoG8k/buXj87+Lp4JSP5xj0CMWkEpkMGiziMx"
    "Kxz1yTjs0uoPvnSvj+5axMbUEi8JUY6/SIwN+VRiX+R8zbp65C+NflpufYlcheuNnaRPOj"
    "AKHfQJag7va1Q5xeQyi2xVtyigUs2Va9RvNT7Qwx75poVwKSlpXohJNc7E8CynPFIrVFmw"
    "47J1vvdTJ9CX21AJsJcyTbAr7OPNc+EuVuYGWySzv3G8dOUkUV6mKlfXbrrXZ1LZAtXr4r"
    "J3dYawaVNHVey+z2U1uRzw6HB7EvcNgUGTok0Y4SUvUukjLg03pshTKhabUKfyGZe4tLac"
    "1bmzD+f+dAsDq3gi6R0olq5YIM6Hvc9d2Hhkhjvn5vbmU/dK3p32fG9GnO96eTplaMu3Bc"
    "XCWYufQvlCzLCMXisT0bETFtVnk4OdguvjX0r2aITv590SrUtR1nVQ1AEyhUJ4jZllsTls"
    "0LuH7H1Q9CGSrELQKa/brA5a4jWfDZyTOe8n3QKwjNejNhC39DXb6pCpl3ubOCETB862xU"
    "s55tbA4bVgPvcfiCFizFgMZ70TsQxi/8f8IRR3EZbWpEFWyi8XI1XCwySM/yZxOMUZJrUI"
    "34FDhgz+bEa5L8o8TxTZkKFZ0p+pDrcM12bGiMz3cmbOhkIeTwsvxMk18XbnB4IieWIeo4"
    "40hqEp9hDmyAYaJ0MLBNxkmTOIUBAVk+kG3XEVwjf6ZUotIsIeCF9olA9qvBdpD8RizkS+"
    "sPp+ztxHeVI5cpDeW+Jt1rGIAPfH6J77riP9qiJKQuhvFWkI21CScNDeOUtoo5dpe9BfaO"
    "ZS5gInacvA3GGLTJ8Ep26FA0b4jtCEPslQ4LuLvdAu6MNLjYytgjBs5TxNN2ULR+pO6teu"
    "zQa6NoNlwij5vjFVrhHutnKG8iUEnPIs/84Gf6Uq3ARPQ9KMdlroHPrpmnPop+lz6Adkz4"
    "SsPjHTq0QsPalf/Ou2eyuMl0GGICxkf9C56F19OEOxbfvOOR9cfup3hyLziNkzce4M8r/v"
    "9PoiaYypVZewkdGOn+6xnsPX9Fhcbn9h235+qfZWkJLsp/7gyxl6eedcDa4vO32R58752P"
    "vwUeBXEPXgMsyrk7dvlvdgxJd1V2BuoK5+Omgk5sBdZ1lWlhsbW1buvaK43P4ATuGbhrfs"
    "jaJdgLjUe0su4wm55q3gz3IaQmUU5T2QGQVoJ2StnZCjKTF9q9qpAlVYnyuoaS8LE0CG2Y"
    "tOcvegSKJBwaD/5+Tk1au3Jy9fvfnl9PXbt6e/vFzuTelH63aqd70PYp9K9GZ64xqDpmfM"
    "MJ9m7P/5dzOTUltd0KxZL+z7fqY8LQbAWkTaDSqeEk4VoFWJYieGXTbJjgqXu+TERQ5a7d"
    "VR52tgA7IJx9lv+M5ffOMyeumtvvTqg6pNVyihB92KPZwU1eywzt28tGBWmsqKsO7qOne1"
    "jsWmY7F996v79YzF1iEuHU1bGUdbwiftdSda8CrPpmMs+YDqkGb1Cmn2RFwvM/DTea45IS"
    "bSCJf8HowIYlKVQDjM3kB0nyVuHNTIM4PJ5xPkmIiOHVeSIJe4dLT7zezb/wMSZGKU"
)
