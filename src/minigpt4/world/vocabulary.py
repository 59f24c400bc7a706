"""The words of the drawn world: what there is, where, when, and in which colours.

Every name is one word, so that a scene told in words, a caption and a judge all speak of the same
thing. Drawing (`world/draw`) has one function for each kind; language (`world/language`) has the
sentences.
"""

COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
SIZES = ("small", "large")
POSITIONS = ("left", "center", "right")
PLACES = ("beach", "forest", "city", "farm", "desert", "park", "harbor", "mountain")
TIMES = ("day", "evening", "night")
WEATHERS = ("clear", "cloudy", "rainy", "snowy")

FAMILIES: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "horse", "bird", "fish", "rabbit", "elephant", "snail"),
    "food": ("apple", "banana", "cake", "pizza", "carrot", "burger", "cheese"),
    "vehicle": ("car", "bus", "bicycle", "boat", "train", "plane"),
    "plant": ("tree", "palm", "flower", "cactus", "mushroom", "bush"),
    "building": ("house", "tower", "church", "tent", "castle", "windmill"),
    "household": ("chair", "table", "lamp", "umbrella", "bottle", "cup", "clock", "book"),
    "toy": ("ball", "balloon", "kite", "robot", "snowman"),
}
KINDS = tuple(kind for kinds in FAMILIES.values() for kind in kinds)
FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}

SUPPORTS = ("table", "chair", "car", "bus", "boat", "train", "house", "book", "bicycle")
"""Kinds that another, small object can stand on."""
SHELTERS = ("table", "umbrella", "tree", "palm", "lamp")
"""Kinds that a small object can stand under."""

DISHES = ("salad", "soup", "pasta", "pie", "stew", "sandwich")
INGREDIENTS = (
    "tomato", "egg", "corn", "olive", "onion", "shrimp",
    "pepper", "broccoli", "potato", "strawberry", "lemon", "bean",
)  # fmt: skip

ILLNESSES = ("spots", "mildew", "holes", "wilt", "rust", "rot")
"""Visible illnesses of a plant: brown spots, white powder, bitten holes, hanging leaves, orange
stripes, a black stem."""
SYMPTOMS = {
    "spots": "brown spots",
    "mildew": "white powder",
    "holes": "bitten holes",
    "wilt": "hanging leaves",
    "rust": "orange stripes",
    "rot": "a black stem",
}
SICK_PLANTS = ("tree", "palm", "flower", "cactus", "bush")

PRODUCTS = (
    "bottle",
    "cup",
    "lamp",
    "chair",
    "clock",
    "umbrella",
    "book",
    "ball",
    "robot",
    "car",
    "bicycle",
    "tent",
)
"""Kinds that are shown as a single product on a plain ground."""

PAGE_BUTTONS = (1, 2, 3)
PAGE_LIST_ITEMS = (0, 2, 3, 4)
