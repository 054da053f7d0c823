"""Names, titles and other words for the demo data."""

from typing import Final


def _titles(text: str) -> tuple[str, ...]:
    return tuple(" ".join(title.split()) for title in text.split(";"))


FIRST_NAMES: Final = """
Ada Alan Alma Amir Anja Aoife Bea Boris Carla Chidi Clara Dana Diego Edda Elif Emil Enzo Fatima Felix Freya
Goran Greta Hana Hugo Ida Ines Ivan Jana Jonas Juno Kaito Karim Lea Linus Luca Mara Mina Nadia Nils Noor
Olga Oskar Paula Priya Quentin Rosa Sami Selma Tariq Theo Uma Vera Wanda Yara Zoe
"""
"""Of one word each."""

FILMS: Final = _titles(
    """
    The Glass Harbour; A Winter in Lisbon; Northern Line; The Cartographer's Daughter; Eleven Minutes; Salt Road;
    The Last Lighthouse; Paper Moons; Orbit; Where the River Bends; The Clockmaker; Silent Orchard; Blue Meridian;
    Letters to Nowhere; The Understudy; Dust and Thunder; Half a Kingdom; The Night Ferry; Afterglow; Iron Valley;
    The Beekeeper's War; Tidewater; A Map of Small Things; The Long Echo; Ember Days; Nine Bridges; The Quiet Coast;
    Machine Season; The Borrowed Year; Hollow Pines; Second Sunrise; The Weight of Snow; Crossing Point;
    Velvet Static; The Archivist; Red Lantern Hill; Out of Range; The Seventh Window; Summer of Kites; Gravity Well
    """
)

SERIES: Final = _titles(
    """
    Harbour Watch; The Fourth Estate; Deep Signal; Bakers of Brick Lane; Cold Trail; Kingsfall; The Interns;
    Night Shift; Under the Ice; Small Claims; Atlas Station; The Vineyard; Two Rivers; Breakwater; The Long Weekend;
    Static; Fault Line; Garden State of Mind; The Assessors; Low Orbit
    """
)

PLAYLISTS: Final = _titles(
    """
    Jazz for late evenings; Sourdough from scratch; Linux kernel explained; Bouldering basics; Bedtime stories;
    Synth repair; City walks in Tokyo; Guitar lessons for beginners; Space missions documentary; Woodworking joints;
    Classical piano complete; Bike maintenance; Street food tour; Watercolour landscapes; History of maps
    """
)

FAILURES: Final = (
    "not found in any indexer",
    "the quality profile rejects every release",
    "no space left on device",
    "the download client did not answer",
)

ENDPOINTS: Final = ("media.request", "youtube.download", "api.default")
DEVICES: Final = ("Firefox on Linux", "Safari on iPhone", "Chrome on Windows", "Plex for Android TV", "Safari on iPad")
