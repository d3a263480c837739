// Applies the theme that was chosen the last time, before anything is painted. src/web/theme.rs
// chooses and remembers it.
try {
  const chosen = localStorage.getItem("kubarium-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing shows what the system wants.
}
