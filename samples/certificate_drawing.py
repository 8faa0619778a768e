"""Draws what the specimen certificate consists of: text, ruled cells and security patterns.

It knows how a page is drawn and nothing of what a certificate says. It must never take anything
from the clock, the machine or a random source: the same calls must give the same bytes.
"""

import hashlib

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfdoc, pdfmetrics

# Sizes are millimetres; A4.
PAGE_WIDTH, PAGE_HEIGHT = 210.0, 297.0

# The ground's tile: 300 dots an inch; both cell sizes divide both sides, so that tiles join
# without a seam, and four by six tiles fill the page.
TILE_DOTS = (624, 588)
TILE_SIZE = (PAGE_WIDTH / 4, PAGE_HEIGHT / 6)
FINE_CELL, FINE_DOT, COARSE_CELL, COARSE_DOT = 6, 2, 12, 4

WATERMARK_DOTS = (1520, 240)
WATERMARK_SIZE = (165.0, 165.0 * 240 / 1520)

# The scrambled image: one bit a dot, 8 dots a millimetre.
SCRAMBLE_SIZE = (170.0, 204.0)
SCRAMBLE_DOTS = (1360, 1632)
SCRAMBLE_SEED = b"shokyo specimen certificate, scrambled image, version 1"


class Page:
    """Draws on the canvas in millimetres from the top left corner."""

    def __init__(self, canvas):
        self.canvas = canvas

    def y(self, from_top):
        return (PAGE_HEIGHT - from_top) * mm

    def text(self, x, baseline, string, size, font="Mincho", colour="#1a1a1a", align="left",
             spacing=0):
        width = pdfmetrics.stringWidth(string, font, size) + spacing * (len(string) - 1)
        offset = {"left": 0, "centre": width / 2, "right": width}[align]
        self.canvas.setFillColor(HexColor(colour))
        self.canvas.setFont(font, size)
        self.canvas.drawString(x * mm - offset, self.y(baseline), string, charSpace=spacing)

    def cell(self, left, top, width, height, string, label=False, size=None):
        """One ruled cell; a text too wide for its cell is an error, not an overlap."""
        font, size = ("Gothic", size or 8) if label else ("Mincho", size or 10.5)
        canvas = self.canvas
        canvas.setStrokeColor(HexColor("#333333"))
        canvas.setLineWidth(0.4)
        if label:
            # Half transparent, so that no cell hides the words of the ground.
            canvas.setFillColor(HexColor("#cfe3d7"))
            canvas.setFillAlpha(0.5)
        canvas.rect(left * mm, self.y(top + height), width * mm, height * mm, fill=int(label))
        canvas.setFillAlpha(1)
        margin = 0.5 if label else 2.5
        if pdfmetrics.stringWidth(string, font, size) > (width - 2 * margin) * mm:
            raise ValueError(f"the text {string!r} does not fit its cell of {width} mm")
        # A CJK glyph's middle lies about 0.38 of its size above the baseline.
        baseline = top + height / 2 + 0.38 * size / mm
        if label:
            self.text(left + width / 2, baseline, string, size, font, align="centre")
        else:
            self.text(left + margin, baseline, string, size, font)

    def box(self, left, top, width, height, line=1.1):
        self.canvas.setStrokeColor(HexColor("#1a1a1a"))
        self.canvas.setLineWidth(line)
        self.canvas.rect(left * mm, self.y(top + height), width * mm, height * mm)

    def image(self, name, left, top, width, height, colour, turn=0):
        """Paints the set bits of an image, turned about its middle by `turn` degrees."""
        canvas = self.canvas
        canvas.saveState()
        canvas.setFillColor(HexColor(colour))
        canvas.translate((left + width / 2) * mm, self.y(top + height / 2))
        canvas.rotate(turn)
        canvas.translate(-width / 2 * mm, -height / 2 * mm)
        canvas.scale(width * mm, height * mm)
        canvas.doForm(name)
        canvas.restoreState()


def add_patterns(canvas, font_path, words):
    """Adds the images that the pages paint: `ground`, `watermark` and `scramble`."""
    add_bit_image(canvas, "ground", TILE_DOTS, ground_bits(font_path))
    add_bit_image(canvas, "watermark", WATERMARK_DOTS, watermark_bits(font_path, words))
    add_bit_image(canvas, "scramble", SCRAMBLE_DOTS, scrambled_bits())


def front_ground(page):
    """Copy-detection ground: a copier keeps the coarse dots of the hidden words, not the fine."""
    width, height = TILE_SIZE
    for row in range(6):
        for column in range(4):
            page.image("ground", column * width, row * height, width, height, "#8fbfa6")
    width, height = WATERMARK_SIZE
    for middle in (92, 176, 248):
        page.image("watermark", (PAGE_WIDTH - width) / 2, middle - height / 2, width, height,
                   "#f0d3cf", turn=24)


def guilloche(page, left, width, middle):
    """A band of interwoven curves, as on security paper, around the line `middle`."""
    # Bézier curves from sums and products alone, no sines: their last digit could differ between
    # machines.
    canvas = page.canvas
    canvas.saveState()
    canvas.setStrokeColor(HexColor("#2f7a57"))
    canvas.setLineWidth(0.25)
    half = 4.5
    for phase in range(6):
        for direction in (1, -1):
            path = canvas.beginPath()
            x, sign = left - half + phase * half / 6, direction
            clip_right = left + width + half
            path.moveTo(x * mm, page.y(middle + sign * 1.3))
            while x + half <= clip_right:
                path.curveTo((x + half / 2) * mm, page.y(middle + sign * 1.3),
                             (x + half / 2) * mm, page.y(middle - sign * 1.3),
                             (x + half) * mm, page.y(middle - sign * 1.3))
                x, sign = x + half, -sign
            clip = canvas.beginPath()
            clip.rect(left * mm, page.y(middle + 2), width * mm, 4 * mm)
            canvas.saveState()
            canvas.clipPath(clip, stroke=0, fill=0)
            canvas.drawPath(path)
            canvas.restoreState()
    canvas.restoreState()


def registration_mark(page, left, top):
    """A square in a square, by which a scanner finds the image's corners."""
    canvas = page.canvas
    for inset, colour in ((0, "#ffffff"), (0.6, "#1a1a1a"), (2.4, "#ffffff"), (4.2, "#1a1a1a")):
        canvas.setFillColor(HexColor(colour))
        side = 12 - 2 * inset
        canvas.rect((left + inset) * mm, page.y(top + inset + side), side * mm, side * mm,
                    stroke=0, fill=1)


def add_bit_image(canvas, name, dots, bits):
    """Adds a stencil of one bit a dot, uncompressed (ISO 32000-1, 8.9.6.2)."""
    stream = pdfdoc.PDFStream(content=bits, filters=[])
    for key, value in (("Type", pdfdoc.PDFName("XObject")), ("Subtype", pdfdoc.PDFName("Image")),
                       ("Width", dots[0]), ("Height", dots[1]), ("BitsPerComponent", 1),
                       ("ImageMask", "true"), ("Decode", pdfdoc.PDFArray([1, 0]))):
        stream.dictionary[key] = value
    canvas._doc.addForm(name, stream)


def scrambled_bits():
    """Bits no compressor can shrink, from SHAKE-256 (FIPS 202) so that any machine agrees."""
    width, height = SCRAMBLE_DOTS
    return hashlib.shake_256(SCRAMBLE_SEED).digest(width // 8 * height)


def watermark_bits(font_path, words):
    """The words as a picture: as text, they would be read in between the lines of the table."""
    picture = Image.new("1", WATERMARK_DOTS)
    font = ImageFont.truetype(font_path, 200, layout_engine=ImageFont.Layout.BASIC)
    middle = (WATERMARK_DOTS[0] // 2, WATERMARK_DOTS[1] // 2)
    ImageDraw.Draw(picture).text(middle, words, fill=1, font=font, anchor="mm")
    return picture.tobytes()


def ground_bits(font_path):
    """The ground's tile: fine dots, and coarse dots of the same darkness inside the words."""
    words = Image.new("1", TILE_DOTS)
    font = ImageFont.truetype(font_path, 230, layout_engine=ImageFont.Layout.BASIC)
    ImageDraw.Draw(words).text((TILE_DOTS[0] // 2, TILE_DOTS[1] // 2), "見本", fill=1, font=font,
                               anchor="mm")
    tile = Image.new("1", TILE_DOTS)
    draw = ImageDraw.Draw(tile)
    for top in range(0, TILE_DOTS[1], COARSE_CELL):
        for left in range(0, TILE_DOTS[0], COARSE_CELL):
            middle = (left + COARSE_CELL // 2, top + COARSE_CELL // 2)
            if words.getpixel(middle):
                dot(draw, left, top, COARSE_CELL, COARSE_DOT)
                continue
            for y in range(top, top + COARSE_CELL, FINE_CELL):
                for x in range(left, left + COARSE_CELL, FINE_CELL):
                    dot(draw, x, y, FINE_CELL, FINE_DOT)
    return tile.tobytes()


def dot(draw, left, top, cell, size):
    inset = (cell - size) // 2
    draw.rectangle((left + inset, top + inset, left + inset + size - 1, top + inset + size - 1),
                   fill=1)
