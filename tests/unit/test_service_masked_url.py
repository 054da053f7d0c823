"""What is shown of a service's URL."""

from __future__ import annotations

import pytest

from medianest_models.models import Service


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (None, None),
        ("", ""),
        ("http://plex:32400/web", "http://plex:32400/web"),
        ("http://[::1]:32400/a@b?c=d@e#f@g", "http://[::1]:32400/a@b?c=d@e#f@g"),
        ("http://user:pa55@plex:32400/a?b=c", "http://**********@plex:32400/a?b=c"),
        ("http://pa55@plex", "http://**********@plex"),
        ("HTTP://user:p@a5@plex/", "HTTP://**********@plex/"),
        ("//user:pa55@plex", "//**********@plex"),
        ("user:pa55@plex:1", "**********@plex:1"),
        ("plex:32400", "plex:32400"),
        ("http://plex/?X-Plex-Token=pa55&a=b", "http://plex/?X-Plex-Token=**********&a=b"),
        ("http://plex/?a=b&api%5Fkey=pa55;PASSWORD=pa55", "http://plex/?a=b&api%5Fkey=**********;PASSWORD=**********"),
        ("http://plex/#access_token=pa55", "http://plex/#access_token=**********"),
        ("http://plex/?token=", "http://plex/?token="),
        # not well formed: a password that was not percent-encoded
        ("http://user:pa/55@plex/a", "http://**********@plex/a"),
        ("http://user:pa?55@plex/a", "http://**********@plex/a"),
        ("http://user:#pa@55@plex/a", "http://**********@plex/a"),
        ("user:pa\n55@plex", "**********@plex"),
    ],
)
def test_masked_url(url: str | None, masked: str | None) -> None:
    assert Service(name="s", display_name="S", url=url).masked_url == masked
