// The one script that runs before the page is painted: it sets the remembered theme, so that a dark page does not flash white. Not a
// module.

{
  let theme: string | null = null;
  try {
    theme = localStorage.getItem('theme');
  } catch {
    // Storage is forbidden: use the system's theme.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
}
