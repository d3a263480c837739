//! Dots, lines and numbers on the canvas.

use crate::protocol::Spot;
use crate::web::dom;
use std::f64::consts::TAU;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// The sharpest the canvas is, in its points per point of the page.
const SHARPEST: f64 = 2.0;

/// What a dot stands for; each has its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A request that is answered: a disc.
    Request,
    /// One that fails: a cross.
    Failed,
    /// A write: a diamond.
    Write,
}

/// The colours, as the stylesheet gives them to the canvas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    request: String,
    failed: String,
    write: String,
    paper: String,
    /// How wide and how high the canvas is, in points of the page.
    size: (f64, f64),
}

impl Look {
    /// What the stylesheet says now. Asking the browser each frame is dear: it lays the page out.
    pub fn read(canvas: &HtmlCanvasElement) -> Option<Self> {
        let own = canvas.get_bounding_client_rect();
        let style = dom::window()?.get_computed_style(canvas).ok().flatten()?;
        let colour = |name: &str| style.get_property_value(name).unwrap_or_default();
        Some(Self {
            request: colour("color"),
            failed: colour("outline-color"),
            write: colour("text-decoration-color"),
            paper: colour("caret-color"),
            size: (own.width(), own.height()),
        })
    }
}

/// Something that travels.
#[derive(Clone, Debug)]
pub struct Dot {
    /// The places it passes.
    pub points: Vec<(f64, f64)>,
    /// When it sets out, in milliseconds of the page's clock.
    pub born: f64,
    /// How long it takes from one place to the next.
    pub leg_ms: f64,
    /// What it is.
    pub sort: Sort,
}

impl Dot {
    /// When it has arrived.
    pub fn ends(&self) -> f64 {
        self.born + self.leg_ms * (self.points.len().saturating_sub(1)) as f64
    }

    /// Where it is.
    fn place(&self, at: f64) -> Option<(f64, f64)> {
        let legs = (at - self.born) / self.leg_ms;
        if legs < 0.0 {
            return None;
        }
        let index = legs.floor() as usize;
        let (from, to) = (self.points.get(index)?, self.points.get(index + 1)?);
        let part = legs.fract();
        // Slow at each place, quick in between.
        let eased = part * part * (3.0 - 2.0 * part);
        Some((
            from.0 + (to.0 - from.0) * eased,
            from.1 + (to.1 - from.1) * eased,
        ))
    }

    /// Draws it.
    pub fn draw(&self, pen: &CanvasRenderingContext2d, look: &Look, at: f64) {
        let Some((x, y)) = self.place(at) else {
            return;
        };
        pen.begin_path();
        match self.sort {
            Sort::Request => {
                pen.set_fill_style_str(&look.request);
                // An arc with a positive radius is always drawn.
                let _ = pen.arc(x, y, 4.5, 0.0, TAU);
                pen.fill();
            }
            Sort::Failed => {
                pen.set_stroke_style_str(&look.failed);
                pen.set_line_width(3.0);
                pen.move_to(x - 5.0, y - 5.0);
                pen.line_to(x + 5.0, y + 5.0);
                pen.move_to(x + 5.0, y - 5.0);
                pen.line_to(x - 5.0, y + 5.0);
                pen.stroke();
            }
            Sort::Write => {
                pen.set_fill_style_str(&look.write);
                pen.move_to(x, y - 5.0);
                pen.line_to(x + 5.0, y);
                pen.line_to(x, y + 5.0);
                pen.line_to(x - 5.0, y);
                pen.fill();
            }
        }
    }
}

/// The places of a way, without those that are nowhere and those met twice running; and for each
/// step of the way the number of its place, from 1, or 0 where it is nowhere.
pub fn places(way: &[Spot]) -> (Vec<Spot>, Vec<usize>) {
    let (mut places, mut numbers): (Vec<Spot>, Vec<usize>) = (Vec::new(), Vec::new());
    for spot in way {
        let somewhere = !matches!(spot.kind.as_str(), "" | "service");
        if somewhere && places.last() != Some(spot) {
            places.push(spot.clone());
        }
        numbers.push(if somewhere { places.len() } else { 0 });
    }
    (places, numbers)
}

/// Where on the canvas a place is met: at a Pod's shape, at the drawing of anything else.
pub fn middle(canvas: &HtmlCanvasElement, spot: &Spot) -> Option<(f64, f64)> {
    let document = dom::document()?;
    let selector = format!("[data-spot='{}']", spot.key());
    let whole = document.query_selector(&selector).ok().flatten()?;
    let found = whole.query_selector(".shape, .icon").ok().flatten();
    let found = found.filter(|_| !spot.is("part")).unwrap_or(whole);
    let (place, own) = (
        found.get_bounding_client_rect(),
        canvas.get_bounding_client_rect(),
    );
    let x = place.left() + place.width() / 2.0 - own.left();
    let y = place.top() + place.height() / 2.0 - own.top();
    Some((x, y))
}

/// Clears the canvas and fits it to its place.
pub fn prepare(canvas: &HtmlCanvasElement, look: &Look) -> Option<CanvasRenderingContext2d> {
    let window = dom::window()?;
    let pen = canvas.get_context("2d").ok().flatten()?;
    let pen: CanvasRenderingContext2d = pen.dyn_into().ok()?;
    let sharp = window.device_pixel_ratio().clamp(1.0, SHARPEST);
    let size = |points: f64| (points * sharp).round() as u32;
    let (width, height) = (size(look.size.0), size(look.size.1));
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    pen.set_transform(sharp, 0.0, 0.0, sharp, 0.0, 0.0).ok()?;
    pen.clear_rect(0.0, 0.0, look.size.0, look.size.1);
    Some(pen)
}

/// Draws a way: lines from place to place, and at each place its number.
pub fn way(pen: &CanvasRenderingContext2d, look: &Look, points: &[(f64, f64)]) {
    if points.len() < 2 {
        return;
    }
    pen.set_line_width(3.0);
    pen.set_line_join("round");
    pen.set_stroke_style_str(&look.request);
    pen.set_global_alpha(0.6);
    pen.begin_path();
    for (index, (x, y)) in points.iter().enumerate() {
        match index {
            0 => pen.move_to(*x, *y),
            _ => pen.line_to(*x, *y),
        }
    }
    pen.stroke();
    pen.set_global_alpha(1.0);
    pen.set_font("bold 12px system-ui, sans-serif");
    pen.set_text_align("center");
    pen.set_text_baseline("middle");
    for (index, (x, y)) in points.iter().enumerate() {
        // A place that is met again has its numbers side by side.
        let before = points[..index]
            .iter()
            .filter(|point| *point == &(*x, *y))
            .count();
        let x = x + 20.0 * before as f64;
        pen.begin_path();
        pen.set_fill_style_str(&look.request);
        // An arc with a positive radius is always drawn.
        let _ = pen.arc(x, *y, 10.0, 0.0, TAU);
        pen.fill();
        pen.set_fill_style_str(&look.paper);
        // A number that cannot be drawn stands in the list of hops.
        let _ = pen.fill_text(&(index + 1).to_string(), x, *y + 0.5);
    }
}
