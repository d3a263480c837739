// The manifest editor: CodeMirror 6, behind four functions that the page calls.
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, highlightActiveLine } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { tags } from "@lezer/highlight";

let view = null;

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--code-text)" },
  { tag: tags.comment, color: "var(--muted)" },
]);

const wrapper = {
  // Puts the editor into `host`; `onApply` is called on Ctrl-Enter.
  mount(host, text, onApply) {
    const apply = { key: "Mod-Enter", run: () => (onApply(), true) };
    view = new EditorView({
      parent: host,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          highlightActiveLine(),
          keymap.of([apply, ...defaultKeymap, ...historyKeymap]),
          yaml(),
          syntaxHighlighting(colours),
          lintGutter(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Manifest, YAML" }),
        ],
      }),
    });
    view.scrollDOM.tabIndex = 0;
  },
  text: () => (view ? view.state.doc.toString() : ""),
  setText(text) {
    if (view) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  },
  // `errors` is JSON: [{line, message}], lines from 1.
  mark(errors) {
    if (!view) return;
    const doc = view.state.doc;
    const diagnostics = JSON.parse(errors)
      .filter((error) => error.line > 0 && error.line <= doc.lines)
      .map((error) => {
        const line = doc.line(error.line);
        return { from: line.from, to: line.to, severity: "error", message: error.message };
      });
    view.dispatch(setDiagnostics(view.state, diagnostics));
  },
};

window.kubariumEditor = wrapper;
