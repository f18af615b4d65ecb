"""Bounces in no standard form: whether a notice is one, and whom it names as not reached.

Only the notice is read, up to where the returned mail begins; what that says is its writer's, and names whom it likes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from domain.addresses import normal_address
from domain.bounce_reasons import REPLY_CODE, STATUS

LONGEST_LINE = 1000
MOST_LINES = 1500
MOST_RECIPIENTS = 100

FAILURE = re.compile(
    r"un-?deliver|non-?deliver|deliver\w*(?:[ :,]+[\w-]+){0,4}?[ :]+(?:fail|error|problem|imposs|unsuccess|"
    r"not possible|delay|warning|postpone|suspend|report\b|status)"
    r"|(?:unable|fail\w*|impossible|can ?not|can'?t|couldn'?t|could not|not able|wasn'?t able|unsuccessful|"
    r"error\w*|problems?)(?:\W+\w+){0,5}?\W+(?:"
    r"deliver|sent\b|send\b|process|forward|rout)|not? (?:be |been |yet |successfully |being )*(?:deliver|sent|"
    r"accepted|receive)|fail\w* deliver|deliver\w* "
    r"fail|return(?:ed|ing)(?: \w+){0,3} (?:mail|to sender|message)|(?:mail|message)(?: \w+){0,3} return|"
    r"mail (?:delivery|system|transport) (?:fail|error|status"
    r"|report|notif|sub)|failure (?:notice|deliver)|(?:did|has|have) not (?:reach|arrive|been reached)|"
    r"(?:permanent|fatal|transient)(?: non-?fatal| fatal)?[ -]"
    r"(?:delivery )?(?:error|failure)|bounced?\b|(?:address(?:es|ee)?|recipients?|message|"
    r"mail)(?:\(s\))? (?:\w+ ){0,3}(?:fail|rejected|refused|not "
    r"found|unknown|invalid)|(?:unknown|invalid|no such) (?:user|address|recipient|local)|user unknown|"
    r"not delivered|blocked|mailbox (?:is )?(?:full|"
    r"unknown|unavail|not)|wasn'?t (?:deliver|found)|couldn'?t be found|rejected (?:your|the|by)|"
    r"delivery notification|does ?n[o']t exist|postponed|(?:was|been) (?:automatically )?(?:rejected|delayed)|"
    r"unzustellbar|nicht (?:zu)?gestellt|nicht (?:ausgeliefert|übermittelt|zustellbar|weitergeleitet|erreicht)|"
    r"zustell\w*(?: \w+){0,5}? (?:fehl|nicht|gescheitert)|"
    r"zustell(?:fehler|ungsfehler|ungsproblem)|nicht(?: \w+){0,4}? (?:zugestellt|ausgeliefert|gesendet)|"
    r"fehler bei der (?:\w+ )?zustell|"
    r"non (?:remis|délivr|distribu|deliver)|pas (?:pu |été |être )*(?:remis|délivr|distribu|envoy|livr)|échec|"
    r"echec|impossible de (?:remettre|délivrer|distribuer|livrer)|"
    r"no (?:se )?(?:pudo|ha podido|puede|ha sido|fue|han? podido)(?: \w+){0,2} (?:entreg|enviar|entregado)|"
    r"no entreg|entrega (?:fallida|no)|"
    r"error (?:de|en la) entrega|fallo en la entrega|(?:mensaje|correo) (?:\w+ )?(?:devuelto|rechazado)|"
    r"n[ãa]o (?:p[ôo]de|foi|ser|entreg)(?: \w+){0,3}|falha (?:na|de) entrega|"
    r"devolvid|non (?:è stato|e' stato|è|ha|può)(?: \w+){0,3} (?:recapit|consegn|inoltr)|mancat[ao] (?:recapit|"
    r"consegn)|impossibile (?:recapit|consegn)|"
    r"niet(?: \w+){0,3} (?:bezorgd|afgeleverd|verzonden)|onbestelbaar|nie (?:został[aoy]? |mog\w+ |"
    r"można )*(?:dostarcz|być dostarcz)|niedostarcz|"
    r"не (?:\w+ ){0,3}?достав|недостав|невозможн\w+ достав|ошибк\w+ (?:при )?доставк|не удалось|"
    r"kunde inte levereras|inte levererats|olevere|kunne ikke leveres|"
    r"kan ikke leveres|ikke lever|uleverer|nedoruč|nelze doruč|nebyl\w* doruč|teslim edilem|iletilemedi|kézbesít|"
    r"ei voitu toimit|toimittamat|"
    r"δεν (?:\w+ ){0,2}παραδ|αδύνατη|nelivr|nu a putut fi livrat|退信|退回|退件|投[递遞]|无法|無法|"
    r"未能|未送[达達]|未传递|未傳遞|传递失败|傳遞失敗|"
    r"发送失败|發送失敗|送达|送達でき|"
    r"失败|配信|届け|配送|送信(?:でき|エラー)|エラー|未達|送れません|返送|宛先|배달|전달되지|전송 ?실패|반송|보내지 못|수신자",
    re.IGNORECASE,
)
"""That something was not delivered, in the languages of mail systems."""

DELAY = re.compile(
    r"delayed|postponed|delay(?:s|ing)? (?:notif|in|of)|\(delay\)|warning message only|will (?:continue|keep|"
    r"be retr|retry|try)|not yet been (?:deliver|"
    r"sent)|will be repeated|could not be delivered for more than|until it is \d+|still (?:being|trying|"
    r"in the queue|undeliver)|no action is required|(?:not|n't) (?:need|have) to resend|transient non-?fatal|"
    r"will be (?:retried|repeated|"
    r"attempted)|temporarily undeliver|verzögert|wird weiter versucht|noch nicht zugestellt|retardé|retrasad|"
    r"ritardat|задерж|遅延|延迟|延遲",
    re.IGNORECASE,
)
FINAL = re.compile(
    r"giv(?:e|en|ing) up|gave up|permanent (?:error|fail|fatal)|permanent fatal|too long|expired|final(?:ly)?\b|"
    r"undeliverable|returned to sender|"
    r"retry (?:time|timeout)|no further (?:attempt|delivery)|won'?t (?:be )?(?:try|retr)|will not (?:be )?(?:retr|"
    r"try)|has failed|delivery failed",
    re.IGNORECASE,
)

_ADDRESS = re.compile(
    r"<(?:(?:smtp|mailto|rfc822):)?(?P<angle>(?:\"[^\"<>\n]{1,64}\"|[^\s<>@\"]{1,64})@[^\s<>@\"]{1,255})>"
    r"|(?<![\w.+@/-])(?P<bare>[a-z0-9!#$%&'*+?^_`{|}~-][\w!#$%&'*+?^`{|"
    r"}~.-]{0,63}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?![@\w])",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"^[\s>*|#-]{0,12}(?P<name>[^\s:<>@\"][^:：<>@\"\n]{0,38}?)\s{0,6}[:：=]\s{0,3}")
_SENDERS = re.compile(
    r"^(?:(?:envelope |original |resent-|your |the |x-)?(?:from|sender|return-path|mail from|reply-to|reply to|"
    r"errors-to|originator|von|absender|de|da|"
    r"från|fra|od|expéditeur|remitente|remetente|mittente|отправитель|от|发件人|寄件者|寄件人|差出人|"
    r"送信者|보낸 ?사람|발신자|cc|"
    r"subject|betreff|oggetto|asunto|objet|assunto|"
    r"тема|主题|主旨|件名|제목|message-?id|message id|id|references|in-reply-to|received|contact|kontakt|e-?mail|mailto|"
    r"support|help|postmaster|date|sent|user-agent|"
    r"dkim-signature|list-\w+|x-[\w-]+|reporting-mta|arrival-date|reported by|generating server|bounced? by|"
    r"signed by|authenticated|via|server))$",
    re.IGNORECASE,
)
_TO = re.compile(r"^(?:to|an|à|a|para|do|кому|till|til|naar|aan)$", re.IGNORECASE)
_RECIPIENTS = re.compile(
    r"recipient|rcpt|failed|addressee|address|empfänger|destinat|doel|odbiorc|получател|адрес|收件|受信|送信先|宛先|수신|"
    r"mottag|modtager|ontvanger|undeliver|user|mailbox|unknown|"
    r"invalid|delivered|deliver|error|reach",
    re.IGNORECASE,
)
_NOT_HIM = re.compile(
    r"(?:\b(?:from|by|via|contact\w*|e-?mail|mailto|mail to|write|send|cc|forward\w*|please|postmaster|hostmaster|"
    r"administrator|admin|help|support|questions?|abuse|report\w*|"
    r"reply|replies|visit|see|sender|envelope from|von|kontakt\w*|wenden|per|an den|contacter|contacte|contatt\w*|"
    r"de la part de|server|program|system|at|id|using|as|http\S*|"
    r"behalf of|try|use|(?:changed|moved|forwarded|new address is|is now) ?(?:to|is)?|instead|"
    r"assistance)\W{1,6}(?:\w+\W{1,3}){0,1}|id=|from=<?|sender=)$",
    re.IGNORECASE,
)
_HIM = re.compile(
    r"(?:\b(?:to|for|recipients?|user|account|mailbox|address(?:es)?|addressee|rcpt|destination|reach|named|"
    r"deliver|delivered|an|für|empfänger|adresse|à|para|dirección|destinatario|"
    r"destinataire|a|ao|do|na adres|адрес\w*|получател\w*|кому|пользовател\w*|til|till|naar|aan|unknown|invalid|"
    r"no such)\b|地址|收件人|用户|用戶|邮箱|宛先|给|給|向|送至|到|アドレス|には?|[:：])"
    r"(?:\W{1,4}(?:the|following|e-?mail|mail|address|user|recipients?|der|die|den|folgende\w*|account|to|smtp|"
    r"rfc822|is)){0,3}\W{0,12}$",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"[\s>*#|`•·-]{0,12}(?:\d{1,3}[.)])?[\s>*\"'\[(]{0,12}(?:(?:smtp|rfc822|to|mailto)[:;=])?[\s<\"'\[(]{0,4}",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"(?:smtp|rfc-?822)\s?[=;]\s?$", re.IGNORECASE
)  # of an address: in X.400's names, in fields of RFC 3464
_SAID_BY = re.compile(r"mail from:?\W{0,3}$|(?:^|\W)(?:from|sender|by)\W{1,6}$", re.IGNORECASE)
_OF_HIM = re.compile(r"(?:unknown|user|recipient|rcpt|deliver\w*|reach|to)\W{1,4}$", re.IGNORECASE)
_WRITE_TO = re.compile(
    r"\b(?:try|write|contact|mailing|emailing|e?mail us|report|forward(?:ed)?|reply|moved|changed)\b[^.]{0,24}$",
    re.IGNORECASE,
)
_CONTACT = re.compile(r"(?:contact|write|send|forward|report|mail|please|questions)\b", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"(?:contact|write to|mail to|e-?mail|postmaster|assistance|from|sender|by|server|try|address is|use)\W{0,3}$",
    re.IGNORECASE,
)
_ROLES = re.compile(
    r"^(?:post|host|web|list)?master|^mailer-daemon|^abuse$|^help ?desk|^support$|^admin|^no-?reply|^root$|"
    r"^daemon$|^security$|^info-?desk|^it-|"
    r"-(?:bounces?|request|owner)$|^owner-|^bounces?[+-]",
    re.IGNORECASE,
)
_QUOTED_BY = re.compile(r"^[\s:,]{0,4}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|写道)", re.IGNORECASE)
_AFTER = re.compile(
    r"^[\s>)'\"\].,:;|-]{0,12}(?:$|[(\[<]|[45]\d\d\b|[45]\.\d\.\d|\.\.\.|\b(?:on |user|unknown|no|not|is|was|does|"
    r"could|can|has|had|host|smtp|error|fail|invalid|address|mail|recipient|over|"
    r"unable|reject|refused|delivery|undeliver|reason|said|while|the |your|this|permanent|remote|account|connect|"
    r"message|delay|couldn|wasn|isn|doesn|won|relay|nicht|kein|unbekannt|ist|"
    r"konnte|existe|inconnu|no existe|desconocid|inexist|n[ãa]o|non|nie|не|因|不|无|無|失|は|に|へ|の|が|の|：|，|。|（|を))",
    re.IGNORECASE,
)

# How an address stands in a notice, the surest first; 0 is anybody else's.
ALONE, INLINE, ANSWERED, PERHAPS = (
    1,
    2,
    3,
    4,
)  # of those in answers of a server and in To, only where there are no others
WRITTEN = -1  # the rank of whom a mail was written to, where the recipient before it was made of that
_EXPANDED = re.compile(
    r"\((?:expanded|generated|originally|forwarded|was|aka)(?: addressed| sent)?(?: from| to| by)?[:\s]*<?$|"
    r"generated (?:from|by) <?$",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r"^.{40,}[\w,]$")

_RULE = re.compile(r"^\s{0,8}[-=_*~#+>|.]{3,}")
_COPY = re.compile(
    r"(?:(?:copy|header|headers|text|body|contents?|start|beginning|part|lines|portion|excerpt|fragment|"
    r"begin) (?:of|from) (?:the |your |this |an? )?(?:original |returned |undelivered |"
    r"unsent |undeliverable |failed |bounced |rejected |following )*(?:message|mail|e-?mail|letter)\b|(?:original|"
    r"unsent|undelivered|returned|rejected|failed|bounced|forwarded|"
    r"undeliverable) (?:e-?mail |mail )?(?:message|mail|e-?mail|letter|headers?)(?: text| headers?| body|"
    r" contents?| copy| follows?| below| attached| enclosed| is| "
    r"returned| was| details)*\s{0,3}(?:$|[-=_*:~#.])|(?:message|mail) (?:header|headers|text|body|"
    r"contents?)(?: follows?)?\s{0,3}(?:$|[-=_*:~#.])|below this line|ursprüngliche "
    r"(?:nachricht|mail)|original ?nachricht|message (?:d'origine|original)|mensaje original|mensagem original|"
    r"messaggio original|исходн\w+ (?:сообщ|письм)|оригинал|"
    r"原始?邮件|原郵件|原信|元の?メ|元メール|オリジナル|원본 ?메|kopie (?:der|ihrer)|kopia)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^(?P<name>[!-9;-~]{2,60})[ \t]{0,4}:(?=[ \t]|$)")
_HEADER_ONLY = frozenset(
    [
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "dkim-signature",
        "domainkey-signature",
        "content-type",
        "content-transfer-encoding",
        "delivered-to",
        "x-mailer",
        "user-agent",
        "in-reply-to",
        "references",
        "list-id",
        "list-unsubscribe",
        "authentication-results",
        "received-spf",
    ]
)
_MAIL_FIELDS = _HEADER_ONLY | frozenset(
    ("from", "to", "cc", "subject", "date", "reply-to", "sender", "bcc", "organization")
)


@dataclass(frozen=True, slots=True)
class Named:
    """One recipient of a notice, by their addresses in normal form, as written to first; what is said of them there;
    whether the address stands `alone`, in a line or a field of its own, as people do not write it."""

    addresses: tuple[str, ...]
    said: str
    alone: bool = False

    @property
    def address(self) -> str:
        return self.addresses[-1]


def notice_of(text: str) -> str:
    """`text` up to where the mail begins that it returns: a rule that says so, or the lines of a header."""
    lines = [line[:LONGEST_LINE] for line in text.split("\n", MOST_LINES)[:MOST_LINES]]
    seen = False  # something that may be a notice
    for at, line in enumerate(lines):
        if seen and (_begins_copy(lines, at) or _begins_header(lines, at)):
            return "\n".join(lines[:at])
        seen = seen or (len(line.strip()) > 3 and not _RULE.match(line))
    return "\n".join(lines)


def _begins_copy(lines: list[str], at: int) -> bool:
    line = lines[at]
    if len(line) > 160 or not (found := _COPY.search(line)) or "@" in line[: found.start()]:
        return False
    if _RULE.match(line) or line.rstrip().endswith(("---", "===", "___", "***")):
        return True
    below = next((n for n in range(at + 1, min(at + 4, len(lines))) if lines[n].strip()), None)
    if below is None:
        return False
    return _begins_header(lines, below) or bool(at and _RULE.match(lines[at - 1]) and _RULE.match(lines[below]))


def _begins_header(lines: list[str], at: int) -> bool:
    """Whether a header stands here: fields that no notice has, or two of mail after a rule, or four of them."""
    first = _FIELD.match(_unquoted(lines[at]))
    if not first or not (first["name"].lower() in _MAIL_FIELDS or first["name"].lower().startswith("x-")):
        return False
    names = []
    for line in lines[at : at + 40]:
        line = _unquoted(line)
        if found := _FIELD.match(line):
            names.append(found["name"].lower())
        elif not line.startswith((" ", "\t")):
            break
    known = [name for name in names if name in _MAIL_FIELDS]
    typical = [name for name in names if name in _HEADER_ONLY]
    after_rule = any(_RULE.match(one) for one in lines[max(0, at - 2) : at])
    return len(known) + len(typical) >= (2 if after_rule else 4) or (len(typical) >= 1 and len(names) >= 3)


def _unquoted(line: str) -> str:
    return line.lstrip("> |") if line.startswith((">", "|")) else line


def named_in(notice: str, excluded: Collection[str]) -> list[Named]:
    """Whom a notice says not to have reached, each with what it says of them; of nobody in `excluded`."""
    lines = notice.split("\n")
    found: dict[int, dict[str, int]] = {rank: {} for rank in (ALONE, INLINE, ANSWERED, PERHAPS)}
    written: dict[str, str] = {}
    last, last_at = "", -MOST_LINES
    for at, address, rank in _candidates(lines):
        if rank == 0 or address in excluded:
            continue
        if rank == WRITTEN and at - last_at <= 2:
            written.setdefault(last, address)
            continue
        found[ALONE if rank == WRITTEN else rank].setdefault(address, at)
        last, last_at = address, at
    best = found[INLINE] | found[ALONE] or found[ANSWERED] or found[PERHAPS]
    places = sorted(set(best.values()))
    named = []
    for address, at in list(best.items())[:MOST_RECIPIENTS]:
        end = next((place for place in places if place > at), len(lines))
        addresses = tuple(dict.fromkeys((written.get(address, address), address)))
        named.append(Named(addresses, _about(lines, at, end, address), alone=address in found[ALONE]))
    return named


def _about(lines: list[str], at: int, end: int, address: str) -> str:
    """What is said from one recipient on, up to the next: no further than the second blank line."""
    said, blanks = [_LABEL.sub("", lines[at])], 0
    for line in lines[at + 1 : min(end, at + 15)]:
        if not line.strip():
            blanks += 1
            if blanks == 2:
                break
        elif not (blanks and _RULE.match(line)):
            said.append(line)
    return re.sub(re.escape(address), " ", " ".join(said), flags=re.IGNORECASE)


def _candidates(lines: list[str]) -> Iterator[tuple[int, str, int]]:
    """Each address of a notice: its line, its normal form, and its rank."""
    label, label_depth = "", 0
    for at, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            label = ""
            continue
        own = _LABEL.match(line)
        if own and not STATUS.search(own["name"]):
            label, label_depth = own["name"].strip().lower(), depth
        elif not (label and depth > label_depth):
            label = ""
        for one in _ADDRESS.finditer(line):
            address = normal_address((one["angle"] or one["bare"]).strip("'"))
            if address is None or ("." not in address.rpartition("@")[2] and not one["angle"]):
                continue
            yield at, address, _rank(lines, at, line, one, label, own is not None)


def _rank(lines: list[str], at: int, line: str, one: re.Match[str], label: str, labelled: bool) -> int:
    before, after = line[: one.start()], line[one.end() :]
    above = lines[at - 1].strip() if at else ""
    if not before.strip() and one["angle"] is None and _WRAPPED.search(above) and re.match(r"[\s,.]{0,3}[a-z]", after):
        before = above[-60:] + " "  # the sentence goes on
    local = (one["angle"] or one["bare"]).rpartition("@")[0]
    if _EXPANDED.search(before[-40:]):
        return WRITTEN
    if _SENDERS.match(label):
        return 0
    if label and (labelled or not before.strip()):
        if _TO.match(label):
            return 0  # of the mail as it was written
        if _RECIPIENTS.search(label) and len(label) <= 40:
            return ANSWERED if "rcpt" in label else ALONE
    if _KIND.search(before[-12:]):
        return ALONE
    if _FIRST.fullmatch(before):
        return _rank_first(lines, at, one, before, after)
    if _SAID_BY.search(before[-24:]) or (_NOT_HIM.search(before[-60:]) and not _OF_HIM.search(before[-20:])):
        return 0
    coded = REPLY_CODE.search(before) or STATUS.search(before)
    if _HIM.search(before[-60:]):
        if _WRITE_TO.search(before[-40:]) or (_ROLES.search(local) and _CONTACT.search(before[-80:])):
            return 0
        if FAILURE.search(before):
            return INLINE
        return ANSWERED if coded or FAILURE.search(" ".join(lines[max(0, at - 2) : at + 3])) else PERHAPS
    if coded or REPLY_CODE.search(after[:40]):
        return 0 if _ROLES.search(local) else ANSWERED
    return 0


def _rank_first(lines: list[str], at: int, one: re.Match[str], before: str, after: str) -> int:
    """The rank of an address that its line begins with."""
    local = (one["angle"] or one["bare"]).rpartition("@")[0]
    intro = next((above.strip() for above in reversed(lines[max(0, at - 2) : at]) if above.strip()), "")
    marked = one["angle"] is not None or '"' in before
    if (
        _QUOTED_BY.match(after)
        or not (marked or after.lstrip()[:1] in (":", "：") or _AFTER.match(after))
        or _INTRODUCED.search(intro[-40:])
    ):
        return 0
    if _ROLES.search(local) and not (marked and after.strip()[:1] == ":"):
        return ALONE if FAILURE.search(f"{intro} {after}") or REPLY_CODE.search(after) else 0
    return ALONE
