"""The vocabulary of refusals: for each concept its words in ten languages, in seven more those of wrong passwords and trouble.

A concept stands alone on its line; below it a line for each language, `de: kennwort*, passwort*`, which may go on, further in, on
the next. A word in brackets behind the language names the server or provider whose text taught these words: `en (gromox):`.
`*` stands for any ending, a blank for a blank, a hyphen or nothing. Letters are compared without case and accents, and German
umlauts also as ae, oe, ue. `filler` is what says nothing, `here` where it was said ("on this server"): a refusal that says only
that the login failed has beside these no words but of concepts that are about logins (`ABOUT_THE_LOGIN` in
domain/failures/login_meanings.py). So neither may name anything that can be in trouble. `of` joins two nouns, the first of which
is meant. What numbers mean is in domain/failures/refusal_words/numbers.py, and what concepts mean together is said by the rules
(domain/failures/pop_rules.py, domain/failures/smtp_rules.py).
"""

from domain.failures.refusal_words import checks, fillers, limits, outcomes, people, refusing, sending, servers, ways

TABLES = (
    outcomes.SHARED,
    people.WORDS,
    refusing.WORDS,
    fillers.WORDS,
    checks.WORDS,
    servers.WORDS,
    limits.WORDS,
    ways.WORDS,
    sending.WORDS,
)
WORDS = "".join(TABLES)
