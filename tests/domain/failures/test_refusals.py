"""Refusals are named by their concepts: in ten languages, in words that nobody had seen, and by whom they were taught."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.refusals import NAMES_TAKEN_OUT, Named, Refusal, refusals
from domain.failures.classification import diagnose_reply, diagnose_smtp_reply
from domain.failures.failure import Kind
from domain.failures.meanings import Meaning, Pattern, Rule
from domain.failures.pop_rules import NAMES, POP, UNKNOWN_COMMAND
from domain.failures.smtp_rules import SMTP
from domain.failures.vocabulary import NUMBERS, fold, rows, vocabulary

WRITTEN = Path(__file__).parents[2] / "data" / "refusals_written.tsv"
LANGUAGES = {"en", "de", "fr", "es", "pt", "it", "pl", "ru", "zh", "ja"}
ALSO = {"nl", "sv", "da", "cs", "tr", "hu", "ko"}  # the words of wrong passwords and of trouble


def written() -> list[tuple[str, str, str]]:
    with WRITTEN.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["protocol"], row["kinds"], row["reply"]) for row in table]


def words_of(text: str, *patterns: str) -> list[str] | None:
    found = Meaning.of(*patterns).find(vocabulary().read(text))
    return None if found is None else [hit.word for hit in found]


# --- whole refusals ---


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(("protocol", "kinds", "reply"), written())
def test_a_refusal_in_any_of_ten_languages_has_its_kind(protocol: str, kinds: str, reply: str) -> None:
    if protocol == "SMTP":
        assert diagnose_smtp_reply(reply, phase="auth", hide=NAMES_TAKEN_OUT).kind in kinds.split(",")
    else:
        assert diagnose_reply(reply, phase="login", command="PASS", hide=NAMES_TAKEN_OUT).kind in kinds.split(",")


@pytest.mark.parametrize(
    "refusal", [one for one in refusals() if one.protocol == "SMTP"], ids=lambda one: one.reply[:60]
)
def test_a_refusal_to_send_goes_through_the_same_vocabulary(refusal: Refusal) -> None:
    assert diagnose_smtp_reply(refusal.reply, phase=refusal.phase).kind in refusal.kinds  # type: ignore[arg-type]  # as the file has it


@pytest.mark.parametrize("rounds", [("1", "2"), ("1t", "2t")])
def test_of_refusals_that_came_later_nine_tenths_are_named_right_and_no_trouble_is_counted(
    rounds: tuple[str, ...],
) -> None:
    named = Named.by([one for one in refusals() if one.round in rounds], lambda _: vocabulary())
    assert len(named.wrong) <= len(named.of) / 10, named.wrong
    assert named.counted == 0


@pytest.mark.parametrize("half", ["A-M", "N-Z"])
def test_of_servers_whose_own_texts_taught_nothing_nine_tenths_are_named_right(half: str) -> None:
    asked = [one for one in refusals() if one.half == half]
    untaught = vocabulary(frozenset(one.group for one in asked))
    named = Named.by(asked, lambda _: untaught)
    assert len(named.wrong) <= len(named.of) / 10, named.wrong
    assert named.counted == 0, named.wrong


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Authentication failed", Kind.AUTHENTICATION),
        ("Authentication failed: the directory does not answer", Kind.SERVER_ERROR),
        ("Login failed, the mailbox is in use by another program", Kind.MAILBOX_BUSY),
        ("Wrong password, too many attempts", Kind.THROTTLED),
        ("Invalid user name or password. Please use the full e-mail address.", Kind.AUTHENTICATION),
        ("[AUTH] Invalid password. Please try again later.", Kind.AUTHENTICATION),
        ("[AUTH] The password database is down", Kind.SERVER_ERROR),
        ("[AUTH] wibble", Kind.AUTHENTICATION),
        ("wibble", Kind.SERVER_ERROR),
        ("", Kind.AUTHENTICATION),
    ],
)
def test_where_a_refusal_says_several_things_what_counts_to_nothing_wins(said: str, kind: Kind) -> None:
    assert diagnose_reply(said, phase="login", command="PASS").kind is kind


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Unable to re-login in this state", Kind.PROTOCOL_ERROR),
        ("You cannot log in twice", Kind.PROTOCOL_ERROR),
        ("re-authentication not allowed", Kind.PROTOCOL_ERROR),
        ("Second login refused", Kind.PROTOCOL_ERROR),
        ("Login failed, please re-login", Kind.AUTHENTICATION),
        ("Password wrong, please log in again", Kind.AUTHENTICATION),
        ("Incorrect password. Re-authentication denied", Kind.AUTHENTICATION),
        ("Access denied. Please log in again.", Kind.AUTHENTICATION),
    ],
)
def test_that_a_second_login_is_refused_says_nothing_of_the_password(said: str, kind: Kind) -> None:
    assert diagnose_reply(said, phase="login", command="PASS").kind is kind


@pytest.mark.parametrize("command", ["STAT", "UIDL", "LIST", "CAPA", "greeting"])
@pytest.mark.parametrize("said", ["[AUTH] no", "invalid password", "Logon failure", "", "[AUTHENTICATIONFAILED] no"])
def test_what_carries_no_password_cannot_be_refused_for_one(command: str, said: str) -> None:
    assert diagnose_reply(said, phase="login", command=command).kind is Kind.SERVER_ERROR


def test_the_name_may_be_refused_at_user_and_the_password_not() -> None:
    assert diagnose_reply("no such user", phase="login", command="USER").kind is Kind.AUTHENTICATION
    assert diagnose_reply("[AUTH] no", phase="login", command="USER").kind is Kind.AUTHENTICATION
    for said in ("", "denied", "bad password", "something else", "login failed", "Authentication failed"):
        assert diagnose_reply(said, phase="login", command="USER").kind is Kind.SERVER_ERROR


def test_it_says_which_words_decided_and_only_those_of_the_vocabulary() -> None:
    diagnosis = diagnose_reply("The password hunter2-passwordish of jane is incorrect", phase="login")
    assert diagnosis.decided_by == "wrong password (password*, incorrect*)"
    assert diagnose_reply("[SYS/TEMP] hm", phase="login").decided_by == "code SYS/TEMP"
    assert diagnose_reply("hm", phase="login").decided_by == "words of no concept"


def test_a_host_that_never_marks_passwords_is_taken_by_its_words() -> None:
    codes = ("AUTH-RESP-CODE",)
    for said, kind in (("Authentication failed", Kind.AUTHENTICATION), ("The directory is down", Kind.SERVER_ERROR)):
        assert diagnose_reply(said, phase="login", capabilities=codes, marks_passwords=False).kind is kind
    unmarked = diagnose_reply("Authentication failed", phase="login", capabilities=codes)
    assert (unmarked.kind, unmarked.about_the_password) == (Kind.SERVER_ERROR, True)
    assert not diagnose_reply("The directory is down", phase="login", capabilities=codes).about_the_password


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Unknown user jane", Kind.AUTHENTICATION),
        ("User jane unknown", Kind.AUTHENTICATION),
        ("Unknown user jane@example.com", Kind.AUTHENTICATION),
        ("Unknown user", Kind.AUTHENTICATION),
        ("The password of jane is incorrect", Kind.AUTHENTICATION),
        ("Unknown user wibble", Kind.SERVER_ERROR),
        ("User wibble unknown", Kind.SERVER_ERROR),
        ("Kullanıcı wibble geçersiz", Kind.SERVER_ERROR),
        ("Clave wibble incorrecta", Kind.SERVER_ERROR),
    ],
)
def test_where_the_name_is_known_no_other_word_is_taken_for_it(said: str, kind: Kind) -> None:
    assert diagnose_reply(said, phase="login", command="PASS", hide=("jane@example.com",)).kind is kind


@given(st.text(), st.sampled_from(["connect", "auth", "mail", "rcpt", "data"]))
def test_any_words_of_an_smtp_server_have_a_diagnosis_with_advice(text: str, phase: str) -> None:
    assert diagnose_smtp_reply(text, phase=phase).remedy  # type: ignore[arg-type]  # as the table has it


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("535 Invalid credentials; POP access must be turned on in settings", Kind.CONFIGURATION),
        ("535 5.7.8 Authentication failed: SMTP and IMAP access is disabled for this mailbox", Kind.CONFIGURATION),
        ("535 登录失败：请先开启POP3/SMTP服务", Kind.CONFIGURATION),
        ("535 5.7.8 password has expired", Kind.SMTP_AUTHENTICATION),
        ("535 5.7.8 Das Kennwort ist abgelaufen", Kind.SMTP_AUTHENTICATION),
        ("535 5.7.8 Hasło wygasło", Kind.SMTP_AUTHENTICATION),
        ("535 5.7.8 パスワードの有効期限が切れています", Kind.SMTP_AUTHENTICATION),
        ("535 5.7.8 The account has expired", Kind.CONFIGURATION),
        ("454 4.7.0 password has expired", Kind.SERVER_ERROR),
        ("534 5.7.9 Please log in with your web browser", Kind.WEB_LOGIN_REQUIRED),
        ("534 5.7.9 Melden Sie sich bitte im Browser an", Kind.WEB_LOGIN_REQUIRED),
        ("534 5.7.9 Authentication mechanism is too weak", Kind.CONFIGURATION),
        ("534 5.7.9 Authentication failed", Kind.CONFIGURATION),
        ("534 5.7.9 El mecanismo es demasiado débil, use TLS", Kind.CONFIGURATION),
        ("534-5.7.9 Application-specific password required", Kind.CONFIGURATION),
    ],
)
def test_the_same_words_mean_the_same_to_a_server_of_smtp(said: str, kind: Kind) -> None:
    assert diagnose_smtp_reply(said, phase="auth").kind is kind


def test_a_password_that_expired_is_told_so_where_mail_is_sent_as_where_it_is_read() -> None:
    for told in (
        diagnose_smtp_reply("535 5.7.8 password has expired", phase="auth"),
        diagnose_reply("password has expired", phase="login", command="PASS"),
    ):
        assert "has expired or must be changed" in told.remedy.of_watching


# --- the vocabulary and the patterns ---


def test_the_table_has_every_concept_in_all_ten_languages_where_a_language_can_say_it() -> None:
    languages: dict[str, set[str]] = {}
    for concept, language, words, _ in rows():
        assert language in LANGUAGES | ALSO or concept in ("not", "not_behind", "failed", "denied", "unknown")
        assert all(word and word == word.strip() for word in words)
        languages.setdefault(concept, set()).add(language)
    core = ("secret", "user", "login", "failed", "wrong", "backend", "trouble", "limit", "mailbox", "pop", "tls", "off")
    for concept in core:
        assert languages[concept] >= LANGUAGES, concept


def test_every_concept_that_a_rule_looks_for_is_in_the_table_and_the_other_way_round() -> None:
    meanings = [rule.looked_for for rule in (*POP.meanings, *SMTP.meanings) if isinstance(rule.looked_for, Meaning)]
    asked = {
        concept for meaning in (*meanings, UNKNOWN_COMMAND) for one in meaning.patterns for concept in one.concepts
    }
    asked |= {mark.lstrip("!=") for meaning in meanings for mark in meaning.only_with or ()}
    assert asked | NAMES | {"not", "not_behind", "filler"} == {concept for concept, *_ in rows()} | set(NUMBERS)


def test_whoever_taught_a_word_or_a_rule_is_a_group_of_the_collection() -> None:
    groups = {one.group for one in refusals()}
    taught = {origin for *_, origin in rows() if origin}
    rules: tuple[Rule, ...] = (*POP.marks, *POP.meanings, *SMTP.marks, *SMTP.meanings)
    assert taught | {rule.learned_from for rule in rules if rule.learned_from} <= groups


@pytest.mark.parametrize(
    ("text", "pattern", "words"),
    [
        ("mailbox is locked", "mailbox + barred", ["mailbox*", "locked"]),
        ("locked: your mailbox", "mailbox > barred", None),
        ("mailbox one two three four five six locked", "mailbox + barred @5", None),
        ("mailbox one two three four five locked", "mailbox + barred @5", ["mailbox*", "locked"]),
        ("The mailbox. It is locked.", "mailbox + barred", None),
        ("POP is not yet enabled", "pop + !enabled", ["pop", "enabled"]),
        ("POP is enabled", "pop + !enabled", None),
        ("POP is not allowed", "pop + !enabled", ["pop", "allowed"]),
        ("the password database", "secret", None),
        ("the password database", "backend", ["password database"]),
        ("log-in", "login", ["log in"]),
        ("ungueltig, UNGÜLTIG", "wrong", ["ungültig*"]),
        ("Contrasena incorrecta", "secret + wrong", ["contraseña*", "incorrect*"]),
        ("密码错误", "secret + wrong", ["密码", "错误"]),
        ("POPが有効になっていません", "pop + !enabled", ["pop", "有効"]),
        ("see https://example.com/password/wrong", "secret|wrong", None),
        ("SubmissionQuotaExceeded", "limit", ["quota*"]),
        ("maintenance, try later", "trouble unless later", None),
        ("wrong answer from the password", "secret + wrong nor part", None),
        ("wrong password format", "secret + wrong nor part", None),
        ("wrong password in your answer", "secret + wrong nor part", ["password*", "wrong"]),
        ("busy on this server", "server + busy", ["server*", "busy"]),
        ("sessione utente non valida", "user + wrong nor thing", None),
        ("sessione: utente non valido", "user + wrong nor thing", ["utente", "non valid*"]),
        ("session de l'utilisateur invalide", "user + wrong nor thing", None),
        ("Mailbox /var/mail/jane does not exist", "mailbox + unknown nor thing", None),
        ("unknown wibble user", "user + unknown nor strange_between", None),
        ("unknown user wibble", "user + unknown nor strange_between", ["user", "unknown"]),
        ("unknown user wibble", "user + unknown nor strange", None),
    ],
)
def test_a_pattern_holds_by_nearness_order_negation_and_sentence(
    text: str, pattern: str, words: list[str] | None
) -> None:
    assert words_of(text, pattern) == words


def test_a_pattern_says_what_it_was_written_as() -> None:
    pattern = Pattern.parse("pop + !enabled|off > plan @6 unless temporary|later")
    assert [(follows, sorted(marks)) for follows, marks in pattern.groups] == [
        (False, ["pop"]),
        (False, ["!enabled", "off"]),
        (True, ["plan"]),
    ]
    assert (pattern.within, sorted(pattern.unless)) == (6, ["later", "temporary"])


def test_folding_leaves_letters_of_ten_languages_and_nothing_of_their_accents() -> None:
    assert fold("Größe, HASŁO, não, Ёлка, ＰＯＰ３, ＬｏｇｉｎDelay") == "grosse, haslo, nao, елка, pop3, login delay"


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "words",
    [
        "Login failed. Try again in 10 minutes.", "Access denied until 12:45", "Acceso denegado, intente en 10 minutos",
        "Доступ запрещён, повторите через 10 минут", "Login failed, no space left on device",
        "Authentication failed: ENOENT", "Access denied, mail spool not mounted", "Permission denied: /var/mail/jane",
        "login failed: nightly backup running", "Authentication failed: master process died",
        "Login failed; mailbox format error", "Login failed, dotlock present", "IO error", "Mailbox error", "stat failed",
        "Fehler beim Öffnen", "Invalid mailbox state", "Login refused, next login allowed at 12:31",
    ],
)  # fmt: skip
def test_a_login_that_failed_for_what_is_said_besides_is_no_wrong_password(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is not Kind.AUTHENTICATION


@pytest.mark.parametrize(
    "words",
    ["Login failed. Please contact support", "authorization failed [id 8f7a2b]", "Unable to log on", "Błąd logowania"],
)
def test_words_that_say_nothing_leave_a_login_that_failed_what_it_is(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.AUTHENTICATION


@pytest.mark.parametrize(
    "words",
    [
        "Login failed at mx7.mail.example.com", "Authentication failed [ABCD.EFGH.PROD.EXAMPLE.COM 2026-11-30T12:31:05]",
        "Login incorrect at 12:31:05", "登录失败，请重新输入",
    ],
)  # fmt: skip
def test_names_of_hosts_and_times_of_the_day_are_no_other_words(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.AUTHENTICATION
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is Kind.SMTP_AUTHENTICATION


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("登录失败", 0), ("登录失败：正在备份", 1), ("登录失败了", 0), ("ログイン失敗：バックアップ中", 1),
        ("認証に失敗しました", 0),
        ("login failed: backup running", 1), ("login failed for mail.example.org", 0), ("Mewngofnodi aflwyddiannus", 2),
    ],
)  # fmt: skip
def test_it_says_how_much_of_a_text_nobody_taught_it_also_where_no_blanks_are_written(text: str, unknown: int) -> None:
    assert vocabulary().read(text).unknown == unknown


def test_words_of_one_character_are_found() -> None:
    assert words_of("10秒", "minutes") == ["秒"]
    assert words_of("服务未开启", "!enabled") == ["开启"]


# --- numbers ---


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "words",
    [
        "Login failed: 503", "Login failed: 451 4.3.0", "Authentication failed code 500", "Login failed (1040)",
        "Login failed (-5)", "Login failed: 0x80040115", "auth failed rc=-1", "Login failed [errno 111]",
        "Logon failed. Error code: 2147500037", "Login failed, error 80040115", "Login failed E1040",
        "Anmeldung fehlgeschlagen (Fehler 500)", "Échec de l'authentification (code 110)", "登录失败（错误码：500）",
        "ログインに失敗しました（エラーコード 503）", "Login failed 5.3.0", "Password rejected (421)", "503",
        "Password is incorrect: 454 4.7.0",
        "Login failed SQL0911", "Login failed/500", "Ошибка входа №500", "Error 500: login failed", "Login failed - status=12",
    ],
)  # fmt: skip
def test_a_number_of_an_error_is_something_else_that_is_said(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.SERVER_ERROR
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is Kind.SERVER_ERROR


@pytest.mark.parametrize(
    "words",
    [
        "Login failed: 535 5.7.8", "Login failed (535)", "Logon failure, error 1326", "Logon failed: 0x8007052E",
        "Login failed (-2146893044)", "Authentication failed (#5.7.0)", "Login failed [a8f3c2d9]",
        "Authentication failed (ref 1234)", "authentication failed, session 7f3e9a21b4", "Login failed from 192.0.2.77",
        "Login failed on 2026-11-30", "Login failed 30.11.2026 12:31:05", "login failed, 3 attempts left",
        "Login incorrect. Attempt 3 of 5", "Login failed (2/5)",
        "Authentication failed for user 1004", "登录失败，还剩3次", "wrong password, error 18456", "Login failed (#AUTH012)",
        "Login failed [20261130778812]", "Login failed from 2001:db8::17", "Login failed at Mon, 30 Nov 2026 12:31:05 +0000",
        "Login failed (Mon Nov 30 12:31:05 2026)", "Login failed at 2026-11-30 12:31:05 UTC",
        "Authentication failed pop.example.com:110", "密码错误，您还有3次机会",
        "Authentication failed (UUID:1f0e3dad-9990-4d3c-9a6b-0123456789ab)", "Login failed for <4711>",
        "Échec de l'authentification (essai 2 sur 5)",
    ],
)  # fmt: skip
def test_a_number_that_means_a_wrong_password_or_names_a_case_or_counts_leaves_it_one(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.AUTHENTICATION
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is Kind.SMTP_AUTHENTICATION


def test_the_first_text_with_a_number_compiles_no_expression_as_nothing_else_runs_in_the_meantime() -> None:
    asked = """
import re._compiler
from domain.failures.classification import diagnose_reply
compiled, compile_it = [], re._compiler.compile
re._compiler.compile = lambda *given: compiled.append(given) or compile_it(*given)
re.compile("so that it is known to be seen")
for words in ("Login failed: 503", "Login failed 30.11.2026 12:31:05 (ref 1234), 2 of 5", "\u767b\u5f55\uff08500\uff09"):
    diagnose_reply(words, phase="login", command="PASS")
print(len([what for what, *_ in compiled if len(what) > 60]), len(compiled) > 0)
"""
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["0", "True"]


def test_the_code_that_a_reply_of_smtp_begins_with_is_no_other_number_in_any_of_its_lines() -> None:
    said = "535-5.7.8 Username and Password not accepted. 535 5.7.8 Login failed"
    assert diagnose_smtp_reply(said, phase="auth").kind is Kind.SMTP_AUTHENTICATION
    assert diagnose_smtp_reply("535 4.7.0 Authentication failed", phase="auth").kind is Kind.SERVER_ERROR
    assert diagnose_smtp_reply("454 4.7.0 Login blocked for 10 minutes", phase="auth").kind is Kind.THROTTLED


def test_what_decided_names_no_number_which_might_be_the_password() -> None:
    assert diagnose_reply("Login failed: 12345", phase="login").decided_by == "an error's number (an error's number)"


def test_other_words_in_brackets_are_read() -> None:
    assert diagnose_reply("Login failed <the database is down>", phase="login").kind is Kind.SERVER_ERROR
    assert diagnose_reply("Login failed <503>", phase="login").kind is Kind.SERVER_ERROR
    assert diagnose_reply("Login failed for <locked@example.com>", phase="login").kind is Kind.AUTHENTICATION
    assert diagnose_reply("[Login failed: the database is down]", phase="login").kind is Kind.SERVER_ERROR
    assert diagnose_reply("[ALERT] Login failed", phase="login").kind is Kind.AUTHENTICATION


# --- whoever cannot look, and what is wrong besides the password ---


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "words",
    [
        "无法验证密码", "无法验证用户", "The password could not be verified", "password could not be checked",
        "Unable to validate the user name and password", "Das Passwort konnte nicht überprüft werden",
        "Impossible de vérifier le mot de passe", "No se pudo verificar la contraseña", "Impossibile verificare la password",
        "Não foi possível verificar a senha", "Nie można zweryfikować hasła", "Не удалось проверить пароль",
        "パスワードを確認できませんでした", "パスワードを検証できません",
        "Cannot check your credentials", "password was not checked",
    ],
)  # fmt: skip
def test_whoever_cannot_look_at_a_password_does_not_say_that_it_is_wrong(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.SERVER_ERROR
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is Kind.SERVER_ERROR


@pytest.mark.parametrize(
    "words",
    ["Could not verify your password: it is wrong", "Unable to verify user: wrong password", "密码错误，无法验证用户"],
)
def test_unless_it_is_said_as_well(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.AUTHENTICATION


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "words",
    [
        "wrong password hash type", "unknown password scheme", "invalid authentication backend",
        "bad password format in database", "unsupported password encoding", "invalid password wibble", "wrong wibble of password",
        "bad wibble for password", "Unbekanntes Passwortformat", "Passwortdatenbank fehlerhaft",
        "format de mot de passe invalide",
        "wibble de contraseña incorrecta", "tipo di password non valido", "неверный wibble пароля", "密码格式错误",
        "密码票据无效", "wrong user class", "could not check password, bad ticket", "Anmeldemodul fehlgeschlagen",
    ],
)  # fmt: skip
def test_another_noun_that_is_wrong_is_no_wrong_password(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.SERVER_ERROR
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is Kind.SERVER_ERROR


@pytest.mark.parametrize(
    "words",
    [
        "invalid password supplied", "Wrong password, wibble", "The password of wibble is incorrect", "Bad password (wibble)",
        "Wrong user name/password combination", "Falsche Zugangsdaten", "Os dados de acesso não conferem",
        "Das eingegebene Passwort ist falsch", "Wibble: le mot de passe est incorrect", "密码有误，wibble",
        "wrong password: 密码错误",
    ],
)  # fmt: skip
def test_a_noun_that_stands_apart_leaves_the_password_wrong(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is Kind.AUTHENTICATION


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "words",
    [
        "No username given", "No password specified", "Password not supplied", "User name is missing", "密码不能为空",
        "Password may not be empty", "Kein Passwort angegeben", "Nom d'utilisateur manquant", "Пароль не указан",
        "Must give USER command", "Login failed: no password provided",
    ],
)  # fmt: skip
def test_a_name_or_a_password_that_was_not_given_is_no_wrong_one(words: str) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind in (Kind.PROTOCOL_ERROR, Kind.SERVER_ERROR)
    assert diagnose_smtp_reply(f"535 5.7.8 {words}", phase="auth").kind is not Kind.SMTP_AUTHENTICATION


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("PAM: Authentication failure", Kind.AUTHENTICATION),
        ("Authentication failed: PAM: Authentication failure", Kind.AUTHENTICATION),
        ("[AUTH] PAM authentication failed for user jane: Authentication failure (7)", Kind.AUTHENTICATION),
        ("PAM: User not known to the underlying authentication module", Kind.AUTHENTICATION),
        ("PAM failure", Kind.SERVER_ERROR),
        ("PAM error", Kind.SERVER_ERROR),
        ("Authentication failed: PAM unavailable", Kind.SERVER_ERROR),
        ("PAM: Module is unknown", Kind.SERVER_ERROR),
        ("PAM: Error in service module", Kind.SERVER_ERROR),
        ("PAM: Authentication service cannot retrieve authentication info", Kind.SERVER_ERROR),
    ],
)
def test_pam_that_refuses_somebody_is_told_from_pam_that_fails(words: str, kind: Kind) -> None:
    assert diagnose_reply(words, phase="login", command="PASS", hide=("jane@example.com", "jane")).kind is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Passwords are not permitted", Kind.CONFIGURATION),
        ("Authentication canceled", Kind.SERVER_ERROR),
        ("Anmeldung abgebrochen", Kind.SERVER_ERROR),
        ("Account cancelled", Kind.CONFIGURATION),
        ("Must use STLS", Kind.CONFIGURATION),
        ("5 bad login tries, wrong password", Kind.AUTHENTICATION),
        ("Unknown address", Kind.SERVER_ERROR),
        ("Unknown e-mail address", Kind.AUTHENTICATION),
    ],
)
def test_a_way_that_is_shut_and_a_login_that_broke_off_are_no_wrong_password(words: str, kind: Kind) -> None:
    assert diagnose_reply(words, phase="login", command="PASS").kind is kind


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("服务器忙jane@example.com请稍后再试", Kind.SERVER_ERROR),
        ("没有为用户jane@example.com指定角色", Kind.SERVER_ERROR),
        ("ユーザー:jane@example.comが見つかりません", Kind.AUTHENTICATION),
        ("jane@example.com의 비밀번호가 틀렸습니다", Kind.AUTHENTICATION),
        ("데이터베이스에서jane@example.com를 읽을 수 없습니다", Kind.SERVER_ERROR),
    ],
)
def test_words_that_touch_an_address_without_a_blank_are_read(words: str, kind: Kind) -> None:
    assert diagnose_reply(words, phase="login", command="PASS", hide=NAMES_TAKEN_OUT).kind is kind
