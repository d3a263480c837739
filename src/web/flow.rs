//! What travels, drawn over the stage on one canvas by the browser's own frames: requests of loads,
//! writes on their way to the API server, and the way of the last request with its steps numbered.
//!
//! It only draws. While nothing moves no frame is asked for.

mod draw;

pub use draw::places;

use super::dom;
use crate::protocol::{PacketView, Spot};
use draw::{Dot, Look, Sort};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::HtmlCanvasElement;

/// The most dots at once; requests beyond it are counted by the engine but not drawn.
const DOTS_LIMIT: usize = 240;
/// How long a dot takes from one place to the next, in milliseconds.
const LEG_MS: f64 = 300.0;
/// How long the answer to where a place is and how things are drawn holds, in milliseconds.
const PLACES_MS: f64 = 400.0;
/// Over how long the requests of one update are spread, in milliseconds.
const SPREAD_MS: f64 = 60.0;

#[derive(Default)]
struct State {
    canvas: Option<HtmlCanvasElement>,
    look: Look,
    dots: Vec<Dot>,
    /// Where places are, by their keys, and since when that was asked.
    places: BTreeMap<String, Option<(f64, f64)>>,
    asked_at: f64,
    way: Vec<Spot>,
    frame: Option<Closure<dyn FnMut(f64)>>,
    asked: bool,
    still: bool,
}

/// The drawing, shared by the page, which feeds it, and the stage, which holds the canvas.
#[derive(Clone, Default)]
pub struct Flow(Rc<RefCell<State>>);

impl PartialEq for Flow {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

fn now() -> f64 {
    let performance = dom::window().and_then(|window| window.performance());
    performance.map_or(0.0, |performance| performance.now())
}

impl Flow {
    /// Draws on `canvas` from now on.
    pub fn attach(&self, canvas: HtmlCanvasElement) {
        let frame = {
            let flow = self.clone();
            Closure::<dyn FnMut(f64)>::new(move |at: f64| flow.frame(at))
        };
        let mut state = self.0.borrow_mut();
        state.still = dom::media("(prefers-reduced-motion: reduce)");
        state.canvas = Some(canvas);
        state.frame = Some(frame);
    }

    /// Takes in the newest requests of the loads, and where writes came from.
    pub fn hear(&self, packets: &[PacketView], pulses: &[Spot]) {
        {
            let mut state = self.0.borrow_mut();
            state.take_packets(packets);
            state.take_pulses(pulses);
            if state.dots.is_empty() && state.way.is_empty() {
                return;
            }
        }
        self.redraw();
    }

    /// Shows the way of a request through these places; none takes it away.
    pub fn show_way(&self, way: Vec<Spot>) {
        let (way, _) = draw::places(&way);
        if self.0.borrow().way == way {
            return;
        }
        self.0.borrow_mut().way = way;
        self.redraw();
    }

    /// Sends one dot along the way shown.
    pub fn travel(&self) {
        {
            let mut state = self.0.borrow_mut();
            let spots = state.way.clone();
            state.add(&spots, now(), Sort::Request, 2.0 * LEG_MS);
        }
        self.redraw();
    }

    /// Asks the browser for a frame.
    pub fn redraw(&self) {
        let mut state = self.0.borrow_mut();
        let Some(frame) = &state.frame else {
            return;
        };
        if state.asked {
            return;
        }
        let asked = dom::window()
            .map(|window| window.request_animation_frame(frame.as_ref().unchecked_ref()));
        state.asked = matches!(asked, Some(Ok(_)));
    }

    fn frame(&self, at: f64) {
        let more = {
            let mut state = self.0.borrow_mut();
            state.asked = false;
            state.dots.retain(|dot| dot.ends() > at);
            state.draw(at);
            !state.dots.is_empty()
        };
        if more {
            self.redraw();
        }
    }
}

impl State {
    fn take_packets(&mut self, packets: &[PacketView]) {
        let start = now();
        let count = packets.len().max(1) as f64;
        for (index, packet) in packets.iter().enumerate() {
            let source = match packet.from.kind.as_str() {
                "pod" => packet.from.clone(),
                _ => Spot::named("outside", "", ""),
            };
            let mut spots = vec![source, Spot::named("node", "", &packet.node)];
            if !packet.pod.name.is_empty() {
                if packet.to_node != packet.node {
                    spots.push(Spot::named("node", "", &packet.to_node));
                }
                spots.push(Spot::pod(&packet.pod));
            }
            let sort = if packet.ok {
                Sort::Request
            } else {
                Sort::Failed
            };
            let born = start + SPREAD_MS * index as f64 / count;
            self.add(&spots, born, sort, LEG_MS);
        }
    }

    fn take_pulses(&mut self, pulses: &[Spot]) {
        let start = now();
        let door = Spot::named("part", "", "kube-apiserver");
        let store = Spot::named("part", "", "etcd");
        for (index, from) in pulses.iter().enumerate() {
            let spots = [from.clone(), door.clone(), store.clone()];
            self.add(&spots, start + 25.0 * index as f64, Sort::Write, LEG_MS);
        }
    }

    /// Looks again where everything is and how it is drawn, once in a while.
    fn look_again(&mut self) {
        let now = now();
        if now - self.asked_at > PLACES_MS {
            self.places.clear();
            self.asked_at = now;
            if let Some(look) = self.canvas.as_ref().and_then(Look::read) {
                self.look = look;
            }
        }
    }

    /// Where a place is. The answer holds for a moment: asking the browser each time is dear.
    fn place(&mut self, spot: &Spot) -> Option<(f64, f64)> {
        self.look_again();
        let canvas = self.canvas.as_ref()?;
        let key = spot.key();
        match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let place = draw::middle(canvas, spot);
                self.places.insert(key, place);
                place
            }
        }
    }

    fn add(&mut self, spots: &[Spot], born: f64, sort: Sort, leg_ms: f64) {
        if self.dots.len() >= DOTS_LIMIT || self.still {
            return;
        }
        let places = spots.iter().filter_map(|spot| self.place(spot));
        let points: Vec<(f64, f64)> = places.collect();
        if points.len() > 1 {
            self.dots.push(Dot {
                points,
                born,
                leg_ms,
                sort,
            });
        }
    }

    fn draw(&mut self, at: f64) {
        self.look_again();
        let way = self.way.clone();
        let way: Vec<(f64, f64)> = way.iter().filter_map(|spot| self.place(spot)).collect();
        let Some(canvas) = &self.canvas else {
            return;
        };
        let Some(pen) = draw::prepare(canvas, &self.look) else {
            return;
        };
        draw::way(&pen, &self.look, &way);
        for dot in &self.dots {
            dot.draw(&pen, &self.look, at);
        }
    }
}
