"""A web page sketched by hand: header, image box, list and buttons on a sheet of paper."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.poster import PAINTS
from minigpt4.world.draw.weather import gradient, mix
from minigpt4.world.scene import Mockup

_PENCIL: RGB = (70, 70, 78)
Box = tuple[float, float, float, float]


def draw_mockup(image: Image.Image, page: Mockup, *, rng: random.Random) -> None:
    """Fill the canvas with a desk and the sketch of `page`."""
    paper = rng.choice(((252, 250, 242), (248, 249, 252), (250, 246, 232)))
    image.paste(gradient((178, 150, 116), (160, 132, 100), width=image.width, height=image.height))
    canvas = ImageDraw.Draw(image, "RGBA")
    canvas.rectangle((12, 9, 250, 252), fill=(60, 44, 30, 80))
    canvas.rectangle((8, 5, 246, 248), fill=paper)
    for y in range(20, 248, 16):
        canvas.line((8, y, 246, y), fill=(*mix(paper, (120, 150, 200), 0.22), 120), width=1)
    paint = PAINTS[page.color]
    sketch = _Sketch(canvas, rng)
    sketch.bar((20, 16, 234, 50), paint)
    buttons_first = rng.random() < 0.35
    button_top = 60 if buttons_first else 204
    body_top = 106 if buttons_first else 62
    image_box, list_box = _lay_out(page, body_top, rng)
    if image_box is not None:
        sketch.image(image_box)
    if list_box is not None:
        sketch.bullets(list_box, page.num_list_items)
    step = 214 / page.num_buttons
    wide = min(step - 14, 84)
    for index in range(page.num_buttons):
        x = 20 + step * (index + 0.5)
        sketch.button((x - wide / 2, button_top, x + wide / 2, button_top + 32), paint)


def _lay_out(page: Mockup, top: float, rng: random.Random) -> tuple[Box | None, Box | None]:
    """Return where the image box and the list go, in a body of 132 pixels from `top`."""
    bottom = top + 132
    if not page.has_image_box:
        return None, ((24, top, 226, bottom) if page.num_list_items else None)
    if not page.num_list_items:
        return (36, top + 4, 218, bottom - 6), None
    if rng.random() < 0.5:
        return (20, top + 6, 122, bottom - 16), (132, top, 232, bottom)
    return (130, top + 6, 234, bottom - 16), (20, top, 120, bottom)


class _Sketch:
    """Draw with a slightly unsteady hand."""

    def __init__(self, canvas: ImageDraw.ImageDraw, rng: random.Random) -> None:
        self.canvas = canvas
        self.rng = rng

    def stroke(self, x0: float, y0: float, x1: float, y1: float, *, width: int = 3) -> None:
        """Draw one wobbly pencil line."""
        points = []
        for step in range(7):
            share = step / 6
            wobble = self.rng.uniform(-1.1, 1.1)
            points.append((x0 + (x1 - x0) * share + wobble, y0 + (y1 - y0) * share - wobble))
        self.canvas.line(points, fill=_PENCIL, width=width, joint="curve")

    def frame(self, box: Box) -> None:
        """Draw a rectangle of four strokes that overshoot a little."""
        x0, y0, x1, y1 = box
        self.stroke(x0 - 2, y0, x1 + 2, y0)
        self.stroke(x1, y0 - 2, x1, y1 + 2)
        self.stroke(x1 + 2, y1, x0 - 2, y1)
        self.stroke(x0, y1 + 2, x0, y0 - 2)

    def bar(self, box: Box, paint: RGB) -> None:
        """Draw the header, coloured in, with a title scribbled on it."""
        self.canvas.rectangle(box, fill=paint)
        self.frame(box)
        ink = (250, 250, 250) if sum(paint) < 420 else (50, 50, 56)
        x, y = box[0] + 14, (box[1] + box[3]) / 2
        points = [(x + 5 * i, y + self.rng.uniform(-6, 6)) for i in range(15)]
        self.canvas.line(points, fill=ink, width=3, joint="curve")

    def image(self, box: Box) -> None:
        """Draw an image box: a frame with mountains and a sun."""
        x0, y0, x1, y1 = box
        wide, tall = x1 - x0, y1 - y0
        self.canvas.rectangle(box, fill=(226, 228, 232))
        self.frame(box)
        self.stroke(x0, y1, x0 + wide * 0.36, y0 + tall * 0.4)
        self.stroke(x0 + wide * 0.36, y0 + tall * 0.4, x0 + wide * 0.62, y1)
        self.stroke(x0 + wide * 0.5, y0 + tall * 0.8, x0 + wide * 0.7, y0 + tall * 0.55)
        self.stroke(x0 + wide * 0.7, y0 + tall * 0.55, x1, y1)
        cx, cy = x0 + wide * 0.76, y0 + tall * 0.24
        self.canvas.ellipse((cx - 9, cy - 9, cx + 9, cy + 9), outline=_PENCIL, width=3)

    def bullets(self, box: Box, count: int) -> None:
        """Draw a list: a bullet and a scribbled line for each item."""
        step = (box[3] - box[1]) / max(count, 3)
        for index in range(count):
            y = box[1] + step * (index + 0.5) - 2
            self.canvas.ellipse((box[0], y - 6, box[0] + 12, y + 6), fill=_PENCIL)
            end = box[2] - self.rng.uniform(0, 0.16) * (box[2] - box[0])
            self.stroke(box[0] + 22, y, end, y, width=5)

    def button(self, box: Box, paint: RGB) -> None:
        """Draw a button with round corners and a scribbled word."""
        x0, y0, x1, y1 = (edge + self.rng.uniform(-1.5, 1.5) for edge in box)
        self.canvas.rounded_rectangle((x0, y0, x1, y1), 13, fill=paint, outline=_PENCIL, width=3)
        ink = (250, 250, 250) if sum(paint) < 420 else (50, 50, 56)
        y = (y0 + y1) / 2
        points = [(x0 + 14 + i * (x1 - x0 - 28) / 6, y + self.rng.uniform(-4, 4)) for i in range(7)]
        self.canvas.line(points, fill=ink, width=3, joint="curve")
