// The login page: sends the password, says when it was wrong, goes on to the dashboard.

const form = document.getElementById('login') as HTMLFormElement;
const password = document.getElementById('password') as HTMLInputElement;
const wrong = document.getElementById('wrong') as HTMLElement;
const button = form.querySelector('button') as HTMLButtonElement;

async function logIn(): Promise<void> {
  wrong.textContent = '';
  let reason = 'The hub does not answer.';
  try {
    const response = await fetch('/api/v1/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ password: password.value }),
    });
    if (response.ok) {
      location.assign('/');
      return;
    }
    reason = `The hub answered with status ${response.status}.`;
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === 'string') reason = `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
  } catch {
    // No answer, or one without a sentence.
  }
  wrong.textContent = reason;
  password.select();
  password.focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  void logIn().finally(() => {
    button.disabled = false;
  });
});

export {};
