// Brings the newest messages in by itself; the page works the same without it.
const PAUSE_MS = 2000;
const live = document.querySelector('main').dataset.live === 'yes';
const said = document.getElementById('said');

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: 'no-store' });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const counts = document.getElementById('counts');
    const freshCounts = fresh.getElementById('counts');
    if (counts.dataset.total === freshCounts.dataset.total) return;
    counts.replaceWith(freshCounts);
    const messages = document.getElementById('messages');
    // Not under somebody's keyboard, nor under a text that is being selected.
    if (messages.contains(document.activeElement) || String(getSelection())) return;
    messages.replaceWith(fresh.getElementById('messages'));
    said.textContent = 'New messages are shown.';
  } catch {
    // The simulator is restarting; the next look will find it.
  }
}

if (live) setInterval(look, PAUSE_MS);
