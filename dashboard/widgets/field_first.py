"""What was typed goes before the click that leaves it; fixed JavaScript, nothing of which is made from data.

Streamlit 1.67 sends the text of a field some 50 ms after the field is left. A tap, or the click of a quick finger, on a link
comes without that pause: the link's request goes first, and the text's, which belongs to the page before, ends the new page:
it stays blank, or the old one stays. So a link that is clicked right after a field was changed and left waits for a moment.
"""

import streamlit as st

_STYLE = """<style>[data-testid="stLayoutWrapper"]:has(> .st-key-field-first) { display: none; }</style>"""
_JS = """<script>
(() => {
  if (window.petridishFieldFirst) return;
  window.petridishFieldFirst = true;
  const PAUSE = 250;
  let changed = null, left = -Infinity, isOurs = false;
  const isField = one => one instanceof Element && one.matches('input, textarea');
  document.addEventListener('input', event => { if (isField(event.target)) changed = event.target; }, true);
  document.addEventListener('focusout', event => {
    if (event.target !== changed) return;
    changed = null;
    left = performance.now();
  }, true);
  document.addEventListener('click', event => {
    const link = event.target instanceof Element && event.target.closest('a[href]');
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (isOurs || !link || !isPlain || link.target === '_blank') return;
    const waits = left + PAUSE - performance.now();
    if (waits <= 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    setTimeout(() => { isOurs = true; link.click(); isOurs = false; }, waits);
  }, true);
})();
</script>"""


def field_first() -> None:
    """Put the script on the page; once for a visit, whichever page it begins with."""
    # Not to be seen, nor to push the title down: even what is empty takes up a gap.
    with st.container(key="field-first"):
        st.html(_STYLE + _JS, unsafe_allow_javascript=True)
