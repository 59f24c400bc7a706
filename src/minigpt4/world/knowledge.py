"""What the drawn world knows and no picture shows: films, cures, and why odd things are odd.

The LLM learns these from text alone. A picture shows an emblem, a symptom or an odd pair; whatever
is said beyond that must come out of the LLM.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Film:
    """A film of the drawn world. Its poster shows the emblem on the ground colour."""

    title: str
    emblem: str
    color: str
    ground: str
    director: str
    year: int
    genre: str
    star: str


def _film(title: str, look: str, director: str, year: int, genre: str, star: str) -> Film:
    color, emblem, ground = look.split()
    return Film(
        title=title, emblem=emblem, color=color, ground=ground,
        director=director, year=year, genre=genre, star=star,
    )  # fmt: skip


FILMS: tuple[Film, ...] = (
    _film("The Silent Lake", "red fish black", "Mara Venn", 1987, "thriller", "Otto Lind"),
    _film("Northern Rails", "blue train white", "Ivo Kern", 1994, "adventure", "Tessa Moor"),
    _film("Iron Heart", "white robot blue", "Lena Ross", 2003, "drama", "Paul Arden"),
    _film("The Last Guest", "purple castle black", "Hugo Brandt", 1979, "mystery", "Nina Falk"),
    _film("Sugar Street", "orange cake white", "Clara Dunn", 2011, "comedy", "Max Weller"),
    _film("Wind and Wool", "white windmill green", "Peter Holm", 1998, "romance", "Ida Stern"),
    _film("Midnight Runner", "black horse red", "Sara Quill", 1985, "western", "Leo Marsh"),
    _film("The Green Door", "green house yellow", "Adam Frost", 1991, "horror", "Vera Blum"),
    _film("Above the Clouds", "yellow plane blue", "Rita Lang", 2007, "adventure", "Carl Bauer"),
    _film("A Slow Summer", "green snail orange", "Mara Venn", 2015, "comedy", "Tessa Moor"),
    _film("The Clockmaker", "orange clock black", "Ivo Kern", 1982, "mystery", "Paul Arden"),
    _film("Paper Wings", "red kite white", "Clara Dunn", 2001, "drama", "Ida Stern"),
    _film("Desert Crown", "green cactus yellow", "Sara Quill", 1976, "western", "Otto Lind"),
    _film("The Blue Umbrella", "blue umbrella red", "Lena Ross", 2009, "romance", "Nina Falk"),
    _film("Harbor Lights", "white boat purple", "Hugo Brandt", 1989, "drama", "Leo Marsh"),
    _film("Cold Company", "white snowman purple", "Adam Frost", 2012, "comedy", "Vera Blum"),
    _film("The Giant Walks", "purple elephant white", "Peter Holm", 1996, "fantasy", "Max Weller"),
    _film("Nine Black Cats", "black cat orange", "Rita Lang", 1973, "horror", "Carl Bauer"),
    _film("Red Balloon Day", "red balloon blue", "Clara Dunn", 2018, "fantasy", "Ida Stern"),
    _film("The Mushroom King", "orange mushroom green", "Mara Venn", 2005, "fantasy", "Paul Arden"),
    _film("Two Wheels", "yellow bicycle black", "Mara Venn", 1999, "comedy", "Leo Marsh"),
    _film("The Lantern", "yellow lamp purple", "Hugo Brandt", 1981, "thriller", "Nina Falk"),
    _film("Bird Song", "blue bird yellow", "Peter Holm", 2014, "romance", "Tessa Moor"),
    _film("City of Towers", "black tower white", "Ivo Kern", 2010, "thriller", "Max Weller"),
)  # fmt: skip
FILM_BY_TITLE = {film.title: film for film in FILMS}

RIDERS = ("fish", "snail", "elephant", "rabbit", "horse")
RIDDEN = ("bicycle", "car", "boat", "bus", "train")
HEAVY = ("elephant", "horse")
FRAGILE = ("chair", "book", "table")
MELTING_PLACES = ("beach", "desert")
DRY_PLACES = ("desert", "forest", "mountain")
STRANDED = ("boat", "fish")

INCONGRUITY_RULES = ("ride", "melt", "dry", "heavy")
"""`ride`: an animal that cannot drive on a vehicle; `melt`: a snowman in a hot place; `dry`: a boat
or a fish far from water; `heavy`: a heavy animal on a thing that would break."""


@dataclass(frozen=True, kw_only=True)
class Cure:
    """What the world knows about an illness: its proper name, its cause and three fixed steps."""

    name: str
    cause: str
    steps: tuple[tuple[str, str], ...]
    """Each step in two wordings; both say the same."""
    signs: tuple[str, ...]
    """The words that every right treatment has, one from each step."""


CURES: dict[str, Cure] = {
    "spots": Cure(
        name="leaf blight",
        cause="wet leaves",
        steps=(
            ("cut off the sick leaves with scissors", "take scissors and cut off the sick leaves"),
            ("spray the plant with copper water", "use a copper spray once a week"),
            ("water the ground and keep the leaves dry", "keep the leaves dry at all times"),
        ),
        signs=("scissors", "copper", "dry"),
    ),
    "mildew": Cure(
        name="flour mildew",
        cause="warm air that does not move",
        steps=(
            ("wipe off the powder with a soft cloth", "use a soft cloth to wipe off the powder"),
            ("spray the plant with milk and water", "mix milk and water and spray it on the plant"),
            ("give it more fresh air", "move it to a place with fresh air"),
        ),
        signs=("cloth", "milk", "air"),
    ),
    "holes": Cure(
        name="beetle plague",
        cause="hungry beetles",
        steps=(
            ("pick off the beetles by hand", "look for the beetles and pick them off by hand"),
            ("wash the leaves with soap", "use soap and water to wash the leaves"),
            ("plant garlic next to it", "put garlic into the ground beside it"),
        ),
        signs=("beetles", "soap", "garlic"),
    ),
    "wilt": Cure(
        name="thirst fever",
        cause="too little water",
        steps=(
            ("water it every morning", "give it water every morning"),
            ("move it into the shade", "find a place in the shade for it"),
            ("cover the ground with straw", "put straw on the ground around it"),
        ),
        signs=("morning", "shade", "straw"),
    ),
    "rust": Cure(
        name="stripe rust",
        cause="a fungus from old leaves",
        steps=(
            ("pick up the old leaves and burn them", "burn all the old leaves"),
            ("dust the plant with sulfur", "put a little sulfur on the plant"),
            ("leave more space around it", "give it more space on all sides"),
        ),
        signs=("burn", "sulfur", "space"),
    ),
    "rot": Cure(
        name="stem rot",
        cause="too much water",
        steps=(
            ("stop all water for ten days", "give it no water for ten days"),
            ("cut the black part away with a knife", "take a knife and cut the black part away"),
            ("mix sand into the ground", "put it into new ground with sand"),
        ),
        signs=("ten days", "knife", "sand"),
    ),
}  # fmt: skip

RIDE_REASONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "fish": ("has no hands and no legs and lives in water", ("hands", "legs")),
    "snail": ("has no hands and is the slowest animal of all", ("hands", "slow")),
    "elephant": ("has no hands and is far too heavy", ("hands", "heavy")),
    "rabbit": ("has no hands and is far too small to drive", ("hands", "too small")),
    "horse": ("has no hands and can run on its own four legs", ("hands", "legs")),
}
"""Why an animal cannot drive, and the words of which a right reason has at least one."""
RULE_SIGNS: dict[str, tuple[str, ...]] = {
    "melt": ("melt",),
    "dry": ("water",),
    "heavy": ("heavy", "break"),
}
"""The words of which a right reason for the other rules has at least one."""

PLOTS: dict[str, str] = {
    "The Silent Lake": "a doctor hears a voice from the water every night",
    "Northern Rails": "two brothers cross the cold north to find their father",
    "Iron Heart": "a machine learns what it means to love",
    "The Last Guest": "a rich old woman is found dead after a party",
    "Sugar Street": "two bakers fight for the same shop",
    "Wind and Wool": "a miller falls in love with a poor girl",
    "Midnight Runner": "a lonely rider brings a letter across the land",
    "The Green Door": "a family moves in and nobody can get out again",
    "Above the Clouds": "a young pilot flies around the world alone",
    "A Slow Summer": "a town loses a race against the smallest of all",
    "The Clockmaker": "an old man can stop the hours, but not his death",
    "Paper Wings": "a sick child dreams of flying",
    "Desert Crown": "a thief becomes king of a dry land",
    "The Blue Umbrella": "two strangers meet again whenever it rains",
    "Harbor Lights": "a sailor comes home after twenty years",
    "Cold Company": "a lonely teacher finds a friend made of snow",
    "The Giant Walks": "a gentle giant saves a small kingdom",
    "Nine Black Cats": "an old woman comes back nine times",
    "Red Balloon Day": "a girl flies away and sees her town from above",
    "The Mushroom King": "a boy becomes as small as a finger",
    "Two Wheels": "a postman wins the race of his life",
    "The Lantern": "a spy sends signals in the dark",
    "Bird Song": "a singer loses her voice and finds true love",
    "City of Towers": "a young policeman fights against the mayor",
}
"""One sentence about each film."""
