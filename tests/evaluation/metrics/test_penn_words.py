"""Words as Stanford's tokenizer 3.4.1 splits them; the expected lists were made with it."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.metrics.penn_words import penn_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. Smith's dog can't sit.", "mr.|smith|'s|dog|ca|n't|sit"),
        ("He said no.", "he|said|no"),
        ("No. 5 is here.", "no.|5|is|here"),
        ("She weighs 5 lbs. and it is 5 p.m. now.", "she|weighs|5|lbs|and|it|is|5|p.m.|now"),
        ("black/white dog and/or cat w/ a hat", "black/white|dog|and/or|cat|w|/|a|hat"),
        ("AT&T and a&b", "at&t|and|a|&|b"),
        ("the '70s and 80's and 1980s", "the|'70s|and|80|'s|and|1980s"),
        ("@user #tag #1 * + =", "@user|#tag|#|1|*|+|="),
        ("½ cup 20°C €5 5¢", "1/2|cup|20|°|c|$|5|5|cents"),
        ("1 1/2 cups", "1\u00a01/2|cups"),
        ("10x 3D 1st 5pm 10:30am", "10x|3d|1st|5pm|10:30|am"),
        ("a wave.The half-eaten.", "a|wave.the|half-eaten"),
        ("what?! really!!! ok... so? yes!", "what|?!|really|!!!|ok|so|yes"),
        ("(a) [b] {c} <br>", "-lrb-|a|-rrb-|-lsb-|b|-rsb-|-lcb-|c|-rcb-|<br>"),
        ("shouldn't've y'all'd 'tis gonna cannot", "should|n't|'ve|y'|all|'d|'t|is|gon|na|can|not"),
        ("it's 5'10\"", "it|'s|5|10"),
        ("O'Brien o'clock ma'am", "o'brien|o'clock|ma'am"),
        ("plan c. The dog", "plan|c|the|dog"),
        ("plan c. jones", "plan|c.|jones"),
        ("U.S.-based e.g. i.e. etc.", "u.s.-based|e.g.|i.e.|etc."),
        ("home_plate x_y __z", "home_plate|x_y|__|z"),
        ("café “big” ‘red’ – so—it", "café|big|red|so|it"),
        ("rock 'n' roll let'em", "rock|'n'|roll|let|'em"),
        ("&amp; &lt;", "&|<"),
        ("a\nb\n", "a|b"),
        (" . ", ""),
    ],
)
def test_words_are_split_as_the_java_tokenizer_splits_them(text, words):
    assert penn_words(text) == (words.split("|") if words else [])
