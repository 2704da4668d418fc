// The one script that runs before the page is painted: puts the remembered theme on, so that a dark page does not flash white. Used by
// index.html and login.html, not a module.

{
  let theme: string | null = null;
  try {
    theme = localStorage.getItem('theme');
  } catch {
    // Storage is forbidden: the system's theme it is.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
}
