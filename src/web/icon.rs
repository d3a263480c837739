//! Drawings: one path each, 24 units square, drawn in the colour of the text beside them.

use yew::prelude::*;

/// The drawing called `name`; always decoration, so that a word has to stand beside it.
pub fn icon(name: &str) -> Html {
    let path = match name {
        "play" => "M8 5l11 7-11 7z",
        "pause" => "M8 5v14M16 5v14",
        "next" => "M5 5l9 7-9 7zM18 5v14",
        "store" => "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0",
        "door" => "M6 21V3h12v18M3 21h18M14 12h1",
        "loop" => "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
        "place" => "M4 6h6v6H4zM14 12h6v6h-6zM10 9h4l3 3",
        "laptop" => "M5 5h14v10H5zM2 19h20M9 19l1-2h4l1 2",
        "globe" => {
            "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c-6 5-6 13 0 18M12 3c6 5 6 13 0 18"
        }
        "node" => "M3 4h18v7H3zM3 13h18v7H3zM7 7.500h1M7 16.500h1",
        "power" => "M12 3v8M7 6a8 8 0 1 0 10 0",
        "sun" => {
            "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M19 5l-1 1M6 18l-1 1"
        }
        "moon" => "M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10z",
        "half" => "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
        "more" => "M5 12h.010M12 12h.010M19 12h.010",
        "close" => "M6 6l12 12M18 6L6 18",
        "share" => {
            "M10 14a4 4 0 0 0 6 0l4-4a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-4 4a4 4 0 0 0 6 6l1-1"
        }
        "file" => "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
        "layers" => "M12 3l9 5-9 5-9-5zM3 12l9 5 9-5M3 16l9 5 9-5",
        "route" => "M5 5h4a4 4 0 0 1 4 4v6a4 4 0 0 0 4 4h2M16 16l3 3-3 3M13 12h6M16 9l3 3-3 3",
        "list" => "M4 6h2M10 6h10M4 12h2M10 12h10M4 18h2M10 18h10",
        "bell" => "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
        "pen" => "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
        "look" => "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5",
        "past" => "M4 12a8 8 0 1 0 3-6M4 3v5h5M12 8v4l3 2",
        "stage" => "M3 4h18v5H3zM3 13h5v7H3zM10 13h4v7h-4zM16 13h5v7h-5z",
        _ => "",
    };
    html! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={path.to_owned()} /></svg> }
}

/// The shape of a state: `ready`, `busy`, `failing`, `ending` or `off`. A word stands beside it.
pub fn shape(mood: &str) -> Html {
    html! { <i class={format!("shape {mood}")} aria-hidden="true"></i> }
}
