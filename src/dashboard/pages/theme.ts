// The button that turns the page dark or light and remembers it. A `themechange` event on the document tells what is drawn, not styled,
// to redraw.

export function startTheme(button: HTMLButtonElement): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = (): boolean => {
    const { theme } = document.documentElement.dataset;
    return theme === undefined ? dark.matches : theme === 'dark';
  };
  const tell = (): void => {
    button.setAttribute('aria-pressed', String(isDark()));
    button.title = isDark() ? 'Switch to light' : 'Switch to dark';
    document.dispatchEvent(new Event('themechange'));
  };
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem('theme', theme);
    } catch {
      // It lasts until the page is closed.
    }
    tell();
  });
  dark.addEventListener('change', tell);
  tell();
}
