//! The manifest editor: a thin hand on `www/js/editor.js`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Puts the editor into `host`; `on_apply` is called on Ctrl-Enter.
    #[wasm_bindgen(js_namespace = kubariumEditor)]
    pub fn mount(host: &web_sys::Element, text: &str, on_apply: &Closure<dyn FnMut()>);
    /// What stands in the editor.
    #[wasm_bindgen(js_namespace = kubariumEditor)]
    pub fn text() -> String;
    /// Replaces what stands in the editor.
    #[wasm_bindgen(js_namespace = kubariumEditor, js_name = setText)]
    pub fn set_text(text: &str);
    /// Marks the lines that are wrong: JSON, `[{line, message}]`.
    #[wasm_bindgen(js_namespace = kubariumEditor)]
    pub fn mark(errors: &str);
}
