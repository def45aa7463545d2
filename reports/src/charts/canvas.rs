//! Drawing in logical pixels: text, lines and areas on plotters' SVG backend.
//!
//! Owns what makes its output fit for print: coordinates are kept to a quarter of a pixel (plotters knows whole
//! ones), text stays text in the embedded font, and the picture says what it shows to those who cannot see it.

use super::data::{BinRow, Spot, Told};
use super::palette::Colour;
use crate::{ReportError, markup};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, RGBAColor, ShapeStyle, TextStyle};
use std::cell::RefCell;
use std::fmt::{Display, Write as _};

/// Whole pixels of the backend for each logical pixel.
const FINENESS: f64 = 4.0;

/// By how much plotters divides font sizes when it writes them.
const FONT_SHRINKAGE: f64 = 1.24;

/// The font, with what stands in for it where an image is shown on its own.
const FAMILY: &str = "Inter, system-ui, sans-serif";

/// A place on the canvas, in logical pixels from its upper left corner.
pub(super) type Point = (f64, f64);

/// Where a text's anchor lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At the left end of its middle line.
    Left,
    /// In its middle.
    Middle,
    /// At the right end of its middle line.
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: Colour,
    pub(super) anchor: Anchor,
}

impl Type {
    /// Plain text of `size` pixels.
    pub(super) const fn plain(size: f64, colour: Colour) -> Self {
        Self { size, bold: false, colour, anchor: Anchor::Left }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) colour: Colour,
    pub(super) width: f64,
    /// 1 for opaque.
    pub(super) opacity: f64,
}

impl Stroke {
    pub(super) const fn new(colour: Colour, width: f64) -> Self {
        Self { colour, width, opacity: 1.0 }
    }

    pub(super) const fn faint(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    fn style(self) -> ShapeStyle {
        ShapeStyle { color: self.rgba(), filled: false, stroke_width: fine(self.width).unsigned_abs().max(1) }
    }

    fn fill(self) -> ShapeStyle {
        ShapeStyle { color: self.rgba(), filled: true, stroke_width: 0 }
    }

    fn rgba(self) -> RGBAColor {
        self.colour.rgb().mix(self.opacity)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "canvases are a few thousand pixels wide")]
fn fine(logical: f64) -> i32 {
    (logical * FINENESS).round() as i32
}

fn fine_point((x, y): Point) -> (i32, i32) {
    (fine(x), fine(y))
}

/// A surface that remembers the first thing that went wrong, so that drawing reads as a list.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    failure: RefCell<Option<String>>,
    /// Elements that lie over all else, in their order.
    above: RefCell<Vec<String>>,
    /// What is told of places in the picture.
    told: RefCell<Told>,
}

/// Where a grid of tiles lies: its upper left corner, the width and height of a tile, and how many columns there is room
/// for, of which the last may be narrower.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileGrid {
    pub(super) corner: Point,
    pub(super) tile: (f64, f64),
    pub(super) columns: f64,
}

/// Whole pixels of the backend from left to right and from top to bottom.
fn extent((width, height): (f64, f64)) -> (u32, u32) {
    (fine(width).unsigned_abs(), fine(height).unsigned_abs())
}

/// What `draw` draws, as the elements within the backend's `<svg>`; what is told of it; the first thing that went wrong.
fn elements(size: (f64, f64), draw: impl FnOnce(&Canvas<'_>)) -> (String, Told, Option<String>) {
    let mut svg = String::new();
    let (above, told, failure) = {
        let area = SVGBackend::with_string(&mut svg, extent(size)).into_drawing_area();
        let canvas =
            Canvas { area, failure: RefCell::default(), above: RefCell::default(), told: RefCell::default() };
        draw(&canvas);
        canvas.note(canvas.area.present());
        (canvas.above.into_inner(), canvas.told.into_inner(), canvas.failure.into_inner())
    };
    let body = svg.split_once('>').map_or("", |(_, body)| body).trim_end().trim_end_matches("</svg>");
    (format!("{body}{}", above.concat()), told, failure)
}

impl Canvas<'_> {
    /// Tiles of a grid, each as column, row and how many rows it covers, in one element: thousands would be most of a
    /// page. They lie over what was drawn before.
    pub(super) fn tiles(&self, grid: TileGrid, tiles: &[(usize, usize, usize)], fill: Stroke) {
        let mut path = String::new();
        for (column, row, rows) in tiles {
            let width = (grid.columns - *column as f64).min(1.0);
            let _ = write!(path, "M{column} {row}h{width}v{rows}h-{width}z");
        }
        let ((x, y), (width, height)) = (fine_point(grid.corner), grid.tile);
        self.element(&format!(
            "<path shape-rendering=\"crispEdges\" transform=\"translate({x} {y}) scale({:.4} {:.4})\" fill=\"{}\" \
             fill-opacity=\"{}\" d=\"{path}\"/>",
            width * FINENESS,
            height * FINENESS,
            fill.colour.hex(),
            fill.opacity
        ));
    }

    /// Discs of one look in one element, with thin rims in the colour of the paper. They lie over what was drawn before.
    pub(super) fn dots(&self, centres: &[Point], radius: f64, colour: Colour) {
        let mut path = String::new();
        for (x, y) in centres.iter().copied().map(fine_point) {
            let _ = write!(path, "M{x} {y}h0");
        }
        for (colour, radius) in [(Colour::Paper, radius + 1.0), (colour, radius)] {
            self.element(&format!(
                "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" d=\"{path}\"/>",
                colour.hex(),
                fine(2.0 * radius)
            ));
        }
    }

    /// Lines of one look in one element. They lie over what was drawn before.
    pub(super) fn lines(&self, lines: &[[Point; 2]], stroke: Stroke) {
        if lines.is_empty() {
            return;
        }
        let mut path = String::new();
        for line in lines {
            let [(left, top), (right, bottom)] = line.map(fine_point);
            let _ = write!(path, "M{left} {top}L{right} {bottom}");
        }
        self.element(&format!(
            "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" d=\"{path}\"/>",
            stroke.colour.hex(),
            fine(stroke.width)
        ));
    }

    /// A line with a light filling of its colour below it. They lie over what was drawn before.
    pub(super) fn filled(&self, points: &[Point], line: Stroke, filling: f64) {
        let mut path = String::new();
        let mut from: Option<(i32, i32)> = None;
        for (x, y) in points.iter().copied().map(fine_point) {
            let _ = match from {
                None => write!(path, "M{x} {y}"),
                Some((_, above)) if above == y => write!(path, "H{x}"),
                Some((beside, _)) if beside == x => write!(path, "V{y}"),
                Some(_) => write!(path, "L{x} {y}"),
            };
            from = Some((x, y));
        }
        let colour = line.colour.hex();
        self.element(&format!(
            "<path fill=\"{colour}\" fill-opacity=\"{filling}\" stroke=\"{colour}\" stroke-width=\"{}\" d=\"{path}\"/>",
            fine(line.width)
        ));
    }

    /// What a page tells of a place when a reader points there.
    pub(super) fn tell(&self, place: Point, words: String) {
        self.told.borrow_mut().spots.push(Spot::new(place, words));
    }

    /// The same of a row of bins.
    pub(super) fn tell_bins(&self, row: BinRow) {
        self.told.borrow_mut().bins.push(row);
    }

    /// An element that plotters does not know.
    fn element(&self, markup: &str) {
        self.above.borrow_mut().push(format!("{markup}\n"));
    }

    fn note<E: Display>(&self, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            self.failure.borrow_mut().get_or_insert_with(|| error.to_string());
        }
    }

    pub(super) fn text(&self, text: &str, place: Point, look: Type) {
        let font = (FontFamily::Name(FAMILY), look.size * FONT_SHRINKAGE * FINENESS).into_font();
        let font = if look.bold { font.style(FontStyle::Bold) } else { font };
        let horizontal = match look.anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let colour = look.colour.rgb();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.note(self.area.draw(&Text::new(text.to_owned(), fine_point(place), style)));
    }

    /// A line through `points`.
    pub(super) fn line(&self, points: &[Point], stroke: Stroke) {
        let points: Vec<_> = points.iter().copied().map(fine_point).collect();
        if points.len() > 1 {
            self.note(self.area.draw(&PathElement::new(points, stroke.style())));
        }
    }

    /// The area within `points`.
    pub(super) fn area(&self, points: &[Point], fill: Stroke) {
        let points: Vec<_> = points.iter().copied().map(fine_point).collect();
        if points.len() > 2 {
            self.note(self.area.draw(&Polygon::new(points, fill.fill())));
        }
    }

    pub(super) fn rectangle(&self, corners: [Point; 2], fill: Stroke) {
        self.note(self.area.draw(&Rectangle::new(corners.map(fine_point), fill.fill())));
    }

    /// A disc of `radius`, with a thin rim in the colour of the paper so that discs that overlap stay apart.
    pub(super) fn dot(&self, centre: Point, radius: f64, fill: Stroke) {
        let rim = Stroke::new(Colour::Paper, 0.0).fill();
        self.note(self.area.draw(&Circle::new(fine_point(centre), fine(radius + 1.0), rim)));
        self.note(self.area.draw(&Circle::new(fine_point(centre), fine(radius), fill.fill())));
    }
}

/// What a picture is called, how large it is in logical pixels, and what it shows, in words.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) size: (f64, f64),
    /// Panels side by side, which a narrow screen shows one below the other; empty where there is only one.
    pub(super) parts: Vec<Part>,
    /// Whether a reader who points at it means a column of it, whatever the height.
    pub(super) is_by_column: bool,
}

/// A stretch of a picture: left, top, width and height in logical pixels.
pub(super) type Part = [f64; 4];

/// A part as a `viewBox` of the picture.
pub(super) fn view_box(part: Part) -> String {
    part.map(|length| fine(length).to_string()).join(" ")
}

/// Draws a picture on white paper and returns it as SVG, with what is told of its places.
pub(super) fn picture(frame: &Frame, draw: impl FnOnce(&Canvas<'_>)) -> Result<(String, Told), ReportError> {
    let (body, told, failure) = elements(frame.size, |canvas| {
        canvas.rectangle([(0.0, 0.0), frame.size], Stroke::new(Colour::Paper, 0.0));
        draw(canvas);
    });
    match failure {
        Some(reason) => Err(ReportError::Chart { chart: frame.name.clone(), reason }),
        None => Ok((with_head(&body, frame), told)),
    }
}

/// Gives the picture its size in logical pixels and its description.
fn with_head(body: &str, frame: &Frame) -> String {
    // Said once for all, not with every element: half the file.
    let body = body.replace(&format!(" font-family=\"{FAMILY}\""), "").replace(" opacity=\"1\"", "");
    // An element's opacity makes a layer of its own, which costs a rasteriser more than all else; that of its paint none.
    let body = body.replace("<polyline fill=\"none\" opacity=", "<polyline fill=\"none\" stroke-opacity=");
    let body = body.replace(" opacity=", " fill-opacity=");
    let (width, height) = frame.size;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         font-family=\"{FAMILY}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>{body}</svg>\n",
        fine(width),
        fine(height),
        markup::text(&frame.title),
        markup::text(&frame.description),
    )
}
