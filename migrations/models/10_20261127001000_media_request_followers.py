"""Who else waits for a media request, and who becomes its owner when the owner is deleted.

That is the work of triggers, because a user can be deleted by anybody: by the release before, and in psql.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
CREATE TABLE media_request_followers (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    request_id UUID NOT NULL,
    user_id UUID NOT NULL,
    CONSTRAINT pk_media_request_followers PRIMARY KEY (id),
    CONSTRAINT uq_media_request_followers_request_id_user_id UNIQUE (request_id, user_id),
    CONSTRAINT ck_media_request_followers_created_at
        CHECK (created_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'),
    CONSTRAINT fk_media_request_followers_request_id
        FOREIGN KEY (request_id) REFERENCES media_requests (id) ON DELETE CASCADE,
    CONSTRAINT fk_media_request_followers_user_id
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_media_request_followers_user_id_request_id ON media_request_followers (user_id, request_id);

-- Two users who follow each other's requests, deleted at once, would each wait for the other: one after the other,
-- then. The lock comes before that on any row.
CREATE FUNCTION medianest_delete_users_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7021406153840117323);
    RETURN NULL;
END
$$;
CREATE TRIGGER tr_users_delete_in_turn BEFORE DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION medianest_delete_users_in_turn();

-- Gives each request of a deleted user to its first follower; the others are deleted by their foreign key.
-- Each request is locked first and its followers are looked up after it, in a statement and so a snapshot of its own:
-- a follower for whom the lock had to wait is seen, and one who comes later waits. The follower is locked too, who may
-- be leaving at this moment: then it is the next one.
CREATE FUNCTION medianest_pass_on_requests() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid;
    heir uuid;
BEGIN
    FOR wanted IN SELECT id FROM media_requests WHERE user_id = OLD.id ORDER BY id FOR UPDATE LOOP
        SELECT user_id INTO heir FROM media_request_followers
        WHERE request_id = wanted AND user_id <> OLD.id
        ORDER BY created_at, id LIMIT 1 FOR UPDATE;
        IF FOUND THEN
            DELETE FROM media_request_followers WHERE request_id = wanted AND user_id = heir;
            UPDATE media_requests SET user_id = heir WHERE id = wanted;
        END IF;
    END LOOP;
    RETURN OLD;
END
$$;
CREATE TRIGGER tr_users_pass_on_requests BEFORE DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION medianest_pass_on_requests();
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
DROP TRIGGER tr_users_pass_on_requests ON users;
DROP TRIGGER tr_users_delete_in_turn ON users;
DROP FUNCTION medianest_pass_on_requests();
DROP FUNCTION medianest_delete_users_in_turn();
DROP TABLE media_request_followers;
"""


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXW1z2rgW/isavjSdYTttttnupDs7QxPacpeE3oS0e7fZcRQsQBPbYm05lNvb/36PZB"
    "tsWQabtxrXXxKQdSTx6MXn0Tk6+tqwmUks71lrwOkj5bMuGzVO0deGg20CH3SPm6iBJ5PF"
    "Q5HA8b0l8+Mwo2GxkXyC7z3uQio8HGLLI5BkEm/g0gmnzBEiPYcgPqbOCP5ijqbYQyZzyD"
    "PU4Yj53KKPxINHBPkecdF0zJBJTUT5M1G8yQZQPghvXJLv0H98YnA2IpDFhfI+/w3J1DHJ"
    "F+KJr18bQ0osU35uiCIMagrJgUswJ6aBeUNIkC8Tl3ge/DovKiRCk34xEgAZYSlGrAiB5m"
    "wiszdkaQCf/PKtiRItECUBgps1IChkrfqTMgBF0brXqZQ4XMjLzCJj8HXjfogVa8zLzNdA"
    "Ue7kwZBtTEydoFEy3Yhkb246529lTjF2740Bs3zbWeSezPgYuiPK7vvUfCZkxLMRcYgr2h"
    "ObSo5vWeHUi5KCcQwJ3PXJfACbiwSTDLFviQnZ+G3oO3IAIJuYFDvE40Y448N/99gjzxwy"
    "BTh+D9sck7/+xzoPvh09WZQgWm08vjp6+uRpIzXdRYuVeRsmDaCjAFXqcNFfX78FtS3wk6"
    "kNUe3Z+9bV0c+/yNInzOMjVz6U6Da+SUHMsbEYNotOWUyaZMd8xO5gjF193yyElP6B9q7T"
    "M1HComsWS2OEbYRTAm/DuOz1jet23zA2QLZh4y+GRZwRH8PXF8+fL4H6Y+tKog25JNwM1v"
    "Jgpb8MHx0Hz77JmRrBrEzTAlgrkmsBHg70cuJ9kgfuk2y0T7LA1q03eaDWrjwVAPr45CQH"
    "0pArE2r5LIm1TTgWi0sa6n9d9y71OMdlFJhNOuDof8iiHj88uJegK8AQJdue948VB/Xoov"
    "WnivdZt/dGXcpFAW8U7OnEwKYp3ukFB3pSsHoj/WWegf4ye5y/TA1zqZdiwISnoe6D8qPH"
    "OSlVBZyX4Npv/9lXUEvqiwpq1AbdCNsTPXRJUXWVgEcc5J9FH/aqdFyy6dGOFLl+56J93W"
    "9dfEisFeetfls8OZapMyX16BdlHM8LQZ86/fdIfEV/9S7b6pIyz9f/S9CKBvY5Mxw2FWtD"
    "DI0oOUpKz4tiin1MZAPt/nDmxQrlXNCl4YNWNxdIpZF9y1xCR84fZCbx7UA7sDPQKYchZb"
    "kJizlIRBepiya6eDqnl/HhBD8dfjDh8sdD/ejyptsNCOk9HjxMsWsaCajFE3bMlJR53vQj"
    "+9hWU7ADC7wZ/gzR6BD1Lhtg68wlptAqsdXQbCKpWZrLNpIskVkw8DB3zs2kfrS7I+pG2D"
    "HRBHvelLkmYkOEFzs/A+wgD8YVog6aUhhHPkcfLPKliTx/MEY42CgaUtfjCJs2ddLbTTuu"
    "a/WGVL31cEhbD2I4yM/FlNe42Ha2H1b3zmFvPkSz0Bhjb5xG+z2k6qFOCVZiuycvCVaIrg"
    "/TCUalMyJGhEsayzeMWQQ7Gbw3owgF1XsoY1ewzlPiuOpfHdvA802v102osm86fWXg3ly8"
    "acOIluMZMtHg7d25VLmEPzHX5RJJ0ZpL1FyizC+ELVKJIprvKtrRc0ifwZ/tko5SQr825z"
    "hrXZ+1ztsK5diIRlwIVe6KADgeb2g4ROL5UgIhlULDDbLmZA8tqbM/8UBL98ZoyFzQ4ofU"
    "spvwHx5Q4iGZ5hHsgeYKWr7ODL1WKbfOrdPiyIZhjphDUNhwKS7YgSc4xtEdt6HDqHnXRH"
    "fBDxTjUHwLChOfqGe8fLh7iihUMyEOwkAqkFzy87GKHGbuZk57b7IPNrJ2wwTkvreddgRl"
    "7cvorVS+Tq1hr8t32LzXi1cdFmPEysjdBPZIXI8QV46GwjUnpLPrrAntIRFaTrlVlM3OZS"
    "pBrVTLbj7T7jLbborMJudqAaSTgpWEe9uG9NgyW2RIL6SqYPLawwZNoKukYe44GYbFhYCC"
    "MHUO0G4OzYV/Px2/ePnq5a8///LyV8gi2zlPebUE8/RWgVT4Cu7NzGXqzZgcmzF0rYWB1g"
    "tD0YVhruQnYb7mbtvx7bMA2tTqMJfa31uuAczKFGilwI4/SLLLD+3L887lu1MUZgHC9+HD"
    "Ve9j+/wUAY91QUk2Ie1jq9Ntvem2IfERU9nKW+ctJIp8Q0ghpko5c7lD5emv4+zuOk71lq"
    "rUF5gaqmj15sdOvM9CPmUU9UBT5WovtPW90Gonn6pvzA+YPRFbnOv1sSK8hV4+nAl3cF1d"
    "HhtMeTv1UBy6Sgrplq0rGVAPmWWxKShVGh4Yir7944pYOOMki8a88jYsskLQa8iGEVjLt4"
    "jbtSz3RhZbJex26T2oHXcrzH/x8ZnTDGgkpklee6D04Ztiyr3QmBfZ5tgQecwm98ycIaiX"
    "vI758cEz+GKjEQExyhEVVj4PsSkMBmGaC+a5mWU93HmdGjvg54gnyOdi0f07p2kwgre4aW"
    "jRI3PrYKywZm0pqoSlqOZMVVekk5M27/RLStXqtO4UVs1OdsROYi+7DQmK6pR0mOiuJCrJ"
    "2arnKurwrenfDunfvjTyBKNZoZWr7CevZp5mY/kixwT+5cGBG1lipCk/8VBQZhNNXco5kc"
    "dvhLIMpTpeENMhCBRjY5NkBpTZdgUFHfCSk65QiJNlAMe07DrMSfUU7sMxpBZfgStnRwX+"
    "48EirKFGmSftYyJVMJ3Wx+xrNlmzyR28I2r6s1/683109SsAu0ttqj0xs3i4VBsXHWZYIl"
    "/uvfEB8x1O3FM0ZlPQj4UCHBx6b8rzLfDNYc7MZr6HBtiy5JGYMA5PU+QzRR54hU8YgC50"
    "Z3HuZQqjgE112+K7rk67Ix5jZ5Go+ByICZ3alZr4ZyXGUHbeZbq+WuoK/T7WZUZCtNbiq6"
    "HF1wGv9hbwKj5hCwAdFyszZyqjE6Ncz9N4Zx4CSMmtdRZgLcCfq2g/3wDhLXv/qyt/IT6k"
    "CpeKEcUW7FvZFAMWJWcAqzd1fE6eNJEjONPT20bNm+rwZBXzZisnoodqzbhilgU/bzlRUv"
    "Ms50tBbqMMvAmjsDX7ZE+pSkUEgztZjXeHsCtC8TOPhE5JyMIeRzAcHqHiCbxtPBkMbUwH"
    "Y+GpJEL1i0qaiGAREQ1B+/g4kg0qaMrPoN7LsAjC4ek1whzqBJZEoZ0G5nfxLAMCdMBDnA"
    "W/fW2OR2DQwxDLyfKi3Mt43qLBeVheeqAZsQJqrldzvZrr1VyvnFxPWRXzk7204P7Y3i4h"
    "3zL5C163aVxbrotnWQeUIhEF0ZzH/8oG6XK8Pv+tTv7Eq7MQWU6Klooq1ye7aipcU+GaCu"
    "egwtfEfaQD0tAw4OhRcxnx9YJMudlumH8e6loEvhaUsxeFANCx1XxCW46QnamMaNcEjQIS"
    "joLNuE/ptY9sDrNGdOs6snWR+Cgm9SYWnhlrAK2KVpDB7ARy37U0imL2FThB9irQ8GJOeX"
    "hCjQcyS2PVdgbubAI/Wg9YTO7HA4044lcUjasek9pj9K5oKY2DNl9eSxy7Cyod0lFGyJz5"
    "4MyOnaPIa0LnVGqU1iFvfki2XN82UMEeTjH4PJFEwnNCY+px5mre50XCYoSEMjgT9n5R4o"
    "Gpmd8lJIYWu2zSnsJ4JYM30j2d734tGJUArzDOMnk+jgweguNxYcH6m7JySRU8HBf9kvBw"
    "nCizWGx2PRTGolwjWWhtak1NscMztVb6cNzNh1PkT26d896ny1NksqkDn9vvrlrn4tibSU"
    "YuNsty8A26bAI1wnwHzcCwi9gHdaJ1bOg0+yGuy1xjjROGKcEfj50nl/5itCchWivFJVKK"
    "k4Ho4/pDzqUnKVS7JYSrzhJzobewK21oMYxZqA4M4rxWw+ToKpfhUKrRffZAnIaWiMSery"
    "AgMieo+ZC1QKwPmT8gDS6xiX1P3J9sgsLiXge+o37gc0p5GDgPFFfJOGz8QLzQP/QLD7J4"
    "UJtNrZk+8sduq9vKRVx5GE4c642u4CrktqrUm8tjVakvACtfUEGluoVodm01aTsk0iY7tv"
    "CNvkmpChiZ87poJjXZxHTIO7ATQvuOplDZER4z5hP5oh9CTcSduMUdkvUFVIGn7cEzufa3"
    "35u/vdQ5QKfUDfAlnhQJqSrgXNA3oHZUXgvJQ9uDqI3rVe9hcfRREK+1+lgVru+TKXNXu4"
    "yvO5mTonU3l7mb68Dc1TldUlJID/Z4yczjxD6TTpMN3S5x/Hlz6S6xzGkMFllznTbhHNA9"
    "RRg9kBnCjgmfhE8jesSWr3FNWS0SxDXwPc5s+l+5QN+Jy1RADE3HMoyCzCfSgljRID/kxJ"
    "Wbvx4h5uv5J2QR/Ei88FhLKIct5uT1fqnPs+zzPIvWn33p5sAmnuwlw3b3Ryvk8E8DnO2K"
    "PRfY6P7Ski74Wc7YCZ1oGxeYxpuZVlIz92MUsR9vQ6b2ka66Wp94yRffjVGlaw5X5s6O5u"
    "R9UbvYQnBDMnc4nbsBl0uAtR9GV05cVxM6dUAmaB20Al3edLvfi9dJ7DV8LuqTbB4niGru"
    "aAETyMscefuljWfSu0aQpwlzOQZsH2A2O+h+JhKpG4QFwINFfDeF2m1QmmB9LWSxAbZkmL"
    "wnHrqbQAboG0n/7uSj09/EMwHJ73cIxKgVlAIZLOo8ZN+1ucTVR+Ps0uj2PrWvjm4bxMbU"
    "EvFOFfcXibEhn0rs8/jXLKtH/tLop2XWl8iVu96YJ33SgJHL0SeoOTyvsY4Xk8ssslHdoo"
    "C1al67xvqCpgN19sjeWgiXkoLbCzGpym0x7MTLI7VCFQU7Llvmcz9lAn3+GioA9lymCvsK"
    "+wiiH77Fipxgi2T2N47nppwkyvNU5ejadfvqVCpboHqdX3QuTxE2beqoit33OawmlwMeOb"
    "cncV8R4yQpWoURXvAgVe3iUvHNFOmlYrERddb2cYlL1ztnZe7swzk/3RCX8D6S9Bsolq7s"
    "QJz1Ox/FlaEyw61zfXMtrhsVZ6c93xMXjn7Pw9OpjbbsvaBYZC7xUyifiRmm6bUi8TxaYV"
    "FdNjrYKZiO4pG8izV2Z/KGaFX0XsTkyRJmWWwKL+jtQ/Y2KPoQSVYu6JSbQ9YHLXFjSQXn"
    "ZMZVKxsAprnppYK4pY/Zrg+Zeri3ihMy4XC2KV6Km1sFh9eM+dy/J4aIMWMxrLveoQhi/2"
    "F+H4o7D0ur0iArZJeLkSphYRKb/yZxOMWaLbUI355D+gz+rEa5K8o8SxRZkaFZ0J6pDjeN"
    "aVMzIrOtnNrZkMviaeGZ8FwTF1XdExTJE/MZasnNMDTGHsIc2UDjZGiBgJvMcwYRCqJitG"
    "bQLVchbKOfxtQiIuyBsIVG+aDGO5F2TyzmjOTdW3dT5j5IT+XIQHpniYu5YhEB7rYXD6GZ"
    "066W6q2NAiNsZNBMN2UD4+ZW6q/NjRU0NwZT1ygYzlyVq4QJrNjm9RwCTrnO5rLChqgKV2"
    "H3P7m1dZLLN/xkiW/4Sdo3/ID2GCGrT8z0KhFLT77z/33TvhEbikGGIFRjt9c671y+O0Wx"
    "V+mtc9a7+NBt90XmAbMnwhcM8r9tdboiaYipVZZQjhOXMpdyjZdfx+FLeiwut79Qai9SF3"
    "q/SN/oLZyhTtHzW+eyd3XR6oo8t877zrv3Ar+cqAcHVH4+fvXL/GyK+LLsWMo11NVNB3LE"
    "HPjkRLfzcW1jy8o86xOXO+gL07cB4lwXLbiMJ+Sqt4LvxENB1fKLWwU1BdSGwVIbBgdjYv"
    "rWepZ+Vbi29Ze0l4egdRgTzMead1H22b2k1EYH+A5nBu/k/J70JgJgLSI57JpepKkC6tda"
    "Po9Sl430UcMyVbC4yEGrYHVU8hLsR9iEY/1lVtmLb1ymXnrXX3prR8aqKzfQg+6aPZwUrZ"
    "lKmbt5vpu21lRWhOuuLnNX17G66lhd3/1odzljdbWISwfjhsb1IXzSXObxgBd5Vrk5ZANa"
    "h7wqV8irR+J62sBAZ5nbCTGRSpiH97CJICZVAYTD7BVEdydxxaBGrg02vvSSZ66PNF7HFl"
    "tFkAscStn+y+zb/wFrxNJC"
)
