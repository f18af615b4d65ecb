"""What a mail did not arrive for, by the words and codes of the refusal: a table that is read from the top.

The words decide before the codes: systems give 5.1.1, 5.7.1 and 550 for anything. Sources of the codes: RFC 3463, RFC 5248
and its registry, RFC 7372, RFC 7505; of those above x.7.50 the documentation of Exchange Online.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from domain.bounces.meanings import OF_RECIPIENTS, is_foreign, meant
from domain.bounces.outcome_patterns import any_of

Reason = Literal[
    "unknown user",
    "unknown host",
    "moved",
    "disabled",
    "mailbox full",
    "sender rejected",
    "authentication",
    "blocked",
    "content",
    "policy",
    "relaying denied",
    "size",
    "rate",
    "network",
    "system",
    "protocol",
    "unknown",
]

BAD_ADDRESS: frozenset[Reason] = frozenset({"unknown user", "unknown host", "moved"})
"""What makes a bounce hard: nothing but another address helps. All else may arrive when it is sent again."""

_OF_A_RECIPIENT: frozenset[Reason] = BAD_ADDRESS | {
    "disabled",
    "mailbox full",
    "relaying denied",
    "sender rejected",
    "blocked",
}

STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
REPLY_CODE = re.compile(r"(?<![\d.:/-])([45])([0-5]\d)(?=[\s:;,)\]#-]|$)")

_USER = (
    r"(?:user|recipient|mail ?box|account|address(?:ee)?|e-?mail|person|subscriber|alias|local[- ]?part|"
    r"inbox|user ?(?:id|name)|customer)"
)
_PLAIN_USER = (
    r"access denied\W*as\(|5\.4\.1\b.{0,40}\baccess denied|\baddress (?:is )?(?:not found|couldn'?t be found)|"
    r"\b(?:user|mailbox|recipient|account)s? (?:is )?(?:unknown|not found|does ?n[o']t exist)|\b(?:unknown|"
    r"no such|invalid|unbekannter) (?:user|recipient|mailbox|"
    r"account|empf)|recip(?:ient)?notfound|that you tried to reach does not exist|\bdoes not like recipient\W{0,3}$"
)
_WORDS: tuple[tuple[Reason, str], ...] = (
    ("authentication", (r"\b(?:spf|dkim|dmarc|sender id|arc)\b|unauthenticated|not authenticated|"
        r"authenticat(?:ion|e) (?:is )?(?:required|"
        r"checks?|information|failed)|does not pass|domain ?keys|email authentication|sender policy framework|"
        r"must be authenticated")),
    ("blocked", r"too many (?:invalid|unknown|bad|wrong|non-?existent)|(?:directory|address) harvest|dictionary attack"),
    ("unknown host", r"unable to get mx|no mx (?:found|record)"),
    ("sender rejected", (r"email address is not verified|identities failed|from: domain|"
        r"from header (?:is )?invalid|invalid from|(?:accept|tak|want|receiv)\w* (?:any )?(?:e?-?mails?|"
        r"messages?) from you\b")),
    ("blocked", (r"lists? of spam|invalid ip|mail ?server is blocked|block(?:ed)? ?list|black ?-?list|deny ?list|\b(?:dns|r|"
        r"u)[wr]?bls?\b|spamhaus|spamcop|barracudacentral|sorbs|senderbase|"
        r"cloudmark|trendmicro|proofpoint\.com/|reputation|reverse dns|\bptr\b|\brdns\b|reverse (?:lookup|map)|"
        r"resolv\w+ (?:your|to) ip|"
        r"client host|(?:your|sending|source|connecting|sender'?s?) (?:ip|host|server|network|"
        r"mta)\b.{0,60}(?:block|ban|listed|"
        r"reject|denied|refus|not allowed|not accepted)|(?:blocked|banned|listed|denied|refused|"
        r"rejected).{0,40}\bip\b|\bip\b.{0,40}"
        r"(?:blocked|banned|listed|refused)|ip (?:name|address) .{0,40}(?:lookup|not resolve)|"
        r"not allowed to connect|helo|ehlo|"
        r"dynamic ip|dial-?up|generic (?:r?dns|host)|bad dns|blocked using|(?:has|have) been (?:temporarily |"
        r"temporary )?(?:blocked|banned)"
        r"|you(?:r mail(?:server)?)? (?:are|is|has been) (?:blocked|banned)|access (?:from|to).{0,30}ip|"
        r"connection (?:was )?(?:dropped|denied|"
        r"rejected).{0,40}(?:reputation|policy)|unsolicited|bad reputation|fix reverse|no mail is accepted from|"
        r"block(?:ed|ing) (?:by|for) "
        r"(?:abuse|ip|spamming)")),
    ("sender rejected", (r"(?:sender|return[- ]?path|mail ?from|envelope from|from address|originator|"
        r"sending domain|domain of sender)\b"
        r"(?!'s (?:sending )?limit).{0,60}(?:reject|denied|refus|not (?:exist|found|allowed|permitted|valid|verif|"
        r"accept|resolv|authorized)|"
        r"invalid|unknown|verif|blocked|does(?:n't| not)|must|mismatch|disabled|callout|misformatted)|(?:reject|"
        r"invalid|unverif|unknown|bad|"
        r"blocked|verify|forbidden|refused)\w* (?:e?mail from |the )?sender|verify.{0,30}sender|unroutable sender|"
        r"cannot resolve.{0,20}sender"
        r"|send(?:er)? (?:is )?not (?:allowed|authori[sz]ed)|does not like sender|unresolvable domain|bad sender|"
        r"from header|mail from:?\s*<")),
    ("unknown user", _PLAIN_USER),
    ("relaying denied", (r"relay(?:ing)? (?:access )?(?:denied|not|prohibited|refused)|not (?:configured|"
        r"allowed|permitted) to relay|unable to relay|relay not")),
    ("network", (r"(?:host not found|name (?:service|server)|lookup).{0,40}try again|temporar\w+ (?:failure|"
        r"error) in name|connection timed out|in the queue too long")),
    ("mailbox full", (r"(?:over|exceed\w*|out of|beyond|reached|above|full|hit|limit).{0,40}\b(?:disk )?quota|"
        r"quota.{0,40}(?:exceed|full|limit|"
        r"over|violation|reached)|\bover ?quota|(?:mail ?(?:box|folder|drop)|inbox|account|user|folder|"
        r"recipient).{0,30}\b(?:is |was )?(?:almost )?"
        r"(?:full|too large|exceeded|exceeds)|(?:exceed|insufficient|not enough|no|out of|over|"
        r"lack of).{0,30}(?:storage|(?:disk|mail"
        r"box|account|quota) ?space|space (?:left|available))|(?:storage|space).{0,20}(?:exceed|full|limit)|"
        r"full (?:mailbox|inbox)|mail"
        r"box (?:size|has (?:exceeded|reached))|would exceed|disk (?:quota|full|space)|too much mail|quota")),
    ("size", (r"(?:message|mail|e-?mail|size|body|attachments?|file|length|data)\b.{0,50}(?:too (?:big|large|"
        r"long)|exceed(?:s|ed|ing)?\b|"
        r"larger than|over the|bigger|maximum)|too (?:big|large)|(?:exceed|maximum|max|larger).{0,40}\bsize|"
        r"size (?:limit|restriction)|"
        r"max(?:imum)? message length|line too long")),
    ("unknown host", (r"any host named|\bhost unknown|unknown host|host (?:or domain name )?not found|no mx\b|"
        r"no mail servers? appear|domain (?:name )?(?:does ?n[o']t "
        r"exist|not found|unknown)|nxdomain|null mx")),
    ("moved", (r"(?:has|have) (?:been )?(?:moved|changed)|no longer (?:with|at|works?|employed)|(?:user|"
        r"recipient|mailbox) (?:has )?moved|new (?:e-?mail "
        r"|mail )?address (?:is|:)|please (?:try|use) (?:the )?(?:new )?(?:address|<)|address (?:has )?changed|"
        r"left the (?:company|organi)|"
        r"forwarding order")),
    ("disabled", _USER + r"\b.{0,60}\b(?:disabled|suspend\w*|inactiv\w*|deactivat\w*|locked|frozen|dormant|"
        r"on hold|not active(?:ated)?|"
        r"terminated|not enabled|expired|discontinued)\b|(?:disabled|suspended|inactive|deactivated|"
        r"locked|expired|dormant|frozen|discontinued) " + _USER + r"|not accepting (?:any )?(?:mail|messages)|"
        r"temporarily (?:locked|suspended)"),
    ("rate", (r"too (?:many(?! hops)|much|fast|often|frequent)|rate.?limit|throttl|\brate\b|frequen|(?:exceed|"
        r"maximum|max|limit).{0,60}(?:connections?|"
        r"recipients|messages|mails|hour|day|sending|rcpts?|sessions|per)\b|grey-?list|gray-?list|slow down|"
        r"deferred due|excessive|"
        r"(?:daily|hourly|sending) (?:\w+ )?(?:limit|quota)|concurren|per (?:hour|day|minute|session|connection)|"
        r"unusual (?:rate|number)")),
    ("unknown user", r"(?:no|not? (?:a |an |such )?(?:valid|known|existing)|unknown|invalid|non-?exist[ae]nt|"
        r"undefined|unrecogni[sz]ed|illegal|bad|"
        r"incorrect|wrong|obsolete|unroute?able|ambiguous|undeliverable|unlisted|nonlocal|no longer valid|bogus|"
        r"missing)[ :]+(?:[\w-]+ ){0,2}?"
        + _USER + r"s?\b|" + _USER + r"\b.{0,90}?\b(?:unknown|(?:does|do|did)(?:n'?t|"
        r" not) (?:appear to )?(?:exist|match|appear)|not (?:\w+ ){0,2}"
        r"?(?:found|exist\w*|known|listed|recogni\w*|valid|here|on|in|local|available here|unique|resolv\w*|"
        r"a user)|no longer|invalid|"
        r"wrong|non-?exist\w*|undefined|unroute?able|unavailable|deleted|cancel\w*|closed|verification failed|"
        r"not available|couldn'?t be found|could not be found|has been (?:removed|deleted|closed)|missing|"
        r"lookup failed|disallowed)\b"
        r"|no (?:one|body) by that name|(?:does|do)n?'?t? (?:not )?have an? (?:\w+ )?account|no (?:such (?:person|"
        r"one|local|domain user|rcpt)|mailbox)|not (?:our|my|a) "
        r"(?:customer|user)|who\?|no account|user unknown|unknown to|unknown[- ](?:user|rec|add|local|mail)|"
        r"unroutable|badly formed|malformed "
        r"(?:recipient|address)|recipnotfound|recipientnotfound|nosuchuser|unknown_?user|not listed in|"
        r"not in (?:our|the|my) (?:directory|"
        r"list|database|records)|does not like recipient|badrcptto|invalid mailbox|address not present|"
        r"mailbox unavailable|all recipients (?:are )?invalid|this user|(?:address|account) couldn'?t|couldn'?t find|"
        r"not a known user|doesn.t exist|нет такого|(?:不|未)存在|无此|無此|无效|(?:リスト|名簿|一覧)にありません|"
        r"ご?利用(?:いただけ)?(?:されてお|できま|しており)|該当|"
        + any_of("unknown", left_out=("en",)) + "|"
        r"않(?:는|습)|없(?:는|습)"),
    ("unknown host", (r"(?:host|domain|server|site|mx|name|destination|a record|dns)\b.{0,60}(?:not (?:found|"
        r"exist|known|valid|listed|be found)|unknown|"
        r"does(?:n'?t| not) (?:exist|accept|appear)|non-?exist|invalid|unrouteable|nxdomain|no (?:a|mx|such)|"
        r"couldn'?t be found)|(?:unknown|"
        r"no such|bad|invalid|unresolvable|unroutable|illegal)[ -](?:mail )?(?:host|domain|destination|mx)|"
        r"no (?:mx|a record|dns|mail (?:"
        r"exchanger|server|host))|nxdomain|null ?mx|doesn'?t receive (?:e-?)?mail|couldn't find any host|"
        r"all relevant mx records point to|"
        r"no route to domain|unrouteable (?:mail )?domain|does not accept (?:e?mail|smtp)|mx.{0,30}(?:invalid|"
        r"localhost|lookup)")),
    ("relaying denied", (r"relay(?:ing|ed)?\b.{0,40}(?:denied|not|prohibited|refused|restricted|access)|"
        r"(?:unable|denied|cannot|not|no|prohibit\w*|open) "
        r"(?:to )?relay|relay\b.{0,20}attempt|not (?:a |an )?(?:open|local|my|gateway)[ \w]{0,12}(?:relay|domain|"
        r"host)|rcpthosts|"
        r"not (?:allowed|permitted) to relay|isn'?t (?:in my|allowed)|will not relay|don'?t relay")),
    ("content", (r"\bspam\w*|virus|malware|infected|content|banned|attachment|prohibited|phish|suspicious|"
        r"objectionable|blocked url|\burls?\b|"
        r"suspect|trojan|scanned|bulk mail|junk|advertis|abus(?:e|ive)|filtered|illegal character|unacceptable|"
        r"dangerous|executable|"
        r"blocked (?:word|phrase|message)|quarantin|scam|垃圾")),
    ("blocked", r"\bblocked\b"),
    ("policy", (r"polic(?:y|ies)|not (?:authori[sz]ed|permitted|allowed|accept\w*)|permission|restrict|"
        r"administrativ|prohibition|(?:access|delivery) "
        r"(?:is )?(?:denied|refused|not)|refused by|reject\w* by|closed list|moderat|members? (?:only|are)|"
        r"only accept|does not accept|"
        r"denied|forbidden|refused to accept|not wanted|violat|security|rejected|拒收|拒否")),
    ("network", (r"connect(?:ion|ed|ing)?\b.{0,60}(?:refused|time|lost|closed|reset|dropped|fail|died|broken|"
        r"abort|unexpected)|timed?[- ]?out|unreachable|no "
        r"route|(?:could|can|unable|cannot|couldn't|was not able|not).{0,30}(?:connect|establish|contact|reach)|"
        r"network|temporar\w+ (?:failure in name|lookup|dns|"
        r"name)|name (?:service|server)|lookup (?:fail|time|error)|broken pipe|hop count.{0}|not respond|"
        r"no answer|did not answer|"
        r"too long|retry (?:time|limit|timeout)|queue(?:d)? (?:for |too |lifetime)|expir(?:ed|ation)|"
        r"delivery time|host .{0,20}(?:down|unreachable)"
        r"|unable to (?:resolve|lookup|look up)|\btls\b|handshake|certificate|timeout")),
    ("system", (r"(?:local|internal|system|server|configuration|software|database|program|processing|"
        r"unexpected|fatal|i/o|temporary|transient) "
        r"(?:delivery )?(?:error|problem|failure|fault)|config|loop|too many hops|hop ?count|pipe to|"
        r"command (?:died|failed|output)|exit(?:ed)? (?:"
        r"code|status|with)|not (?:currently )?available|unavailable|try (?:again )?later|overload|resources|"
        r"memory|out of (?:disk|memory)|"
        r"service (?:is )?(?:not|currently|temporarily)|maintenance|shut(?:ting)? ?down|delivery agent|"
        r"unknown mailer|can(?:no|')t "
        r"(?:open|create|write|append)|no space left|forwarding")),
    ("protocol", (r"syntax|command (?:unrecogni|not (?:implemented|recogni))|unrecogni[sz]ed command|"
        r"bad sequence|protocol|smtputf8|8-?bit|not (?:rfc|compliant)|"
        r"rfc ?\d{3,4}|bare (?:lf|line|cr)|missing|multiple from|header|pipelining|parameters?")),
)  # fmt: skip
# Whatever stands beside them and whatever the code: a recipient is named, and something else is unknown, absent or refused.
_SURELY: tuple[tuple[Reason, str], ...] = (
    ("rate", r"gr[ea]y-?list"),
    ("system", (r"\b(?:temporar\w+|currently|momentarily) (?:un(?:known|verifiable|available)|not (?:known|found|verifiable))|"
        r"\b(?:look-?up|verif\w+|callout|check\w*|ldap|directory|database)\b[^.;]{0,40}(?:in progress|pending|\bdown\b|"
        r"unavailable|tim(?:ed|e)[ -]?out|\bbusy\b|unreachable|temporar)|"
        r"(?<!not )(?<!not try )\b(?:come back|again) (?:later|in (?:a few|\d+|some))")),
    ("blocked", (r"\b(?:your|sending|client|connecting|source|remote) (?:mail ?)?(?:ip|host ?name|host|server|mta|network|"
        r"helo|dns|reverse dns)\b[^.;]{0,40}"
        r"(?:unknown|(?:does|do|did)(?:n['’]?t| not) (?:exist|resolve)|not (?:known|found|exist|resolv|listed)|invalid|"
        r"non-?exist)")),
    ("protocol", (r"\b(?:message-?id|(?:from|to|date|subject|reply-to)(?:[ -](?:header|field|line))|header|mime|charset)\b"
        r"[^.;]{0,40}(?:unknown|does(?:n['’]?t| not) exist|not (?:known|found|valid)|missing|invalid)")),
    ("policy", (r"\b(?:start)?tls\b|\bssl\b|\bcertificate\b|(?:refused|rejected|denied|blocked) by (?:\w+['’]?s? ){0,3}"
        r"(?:admin\w*|owner|postmaster|moderator|manager)|(?:denied|refused|rejected|blocked|not (?:allowed|accepted))[^.;]{0,30}"
        r"\b(?:country|region|geo\w*|network|location)\b")),
)  # fmt: skip
_SURE_OF = [(reason, re.compile(words)) for reason, words in _SURELY]
_OF_WORDS = [(reason, re.compile(words)) for reason, words in _WORDS]
_KNOWN_PLAINLY = re.compile(_PLAIN_USER)
_SAID_OF_ALL: frozenset[Reason] = frozenset({"policy", "system"})
_BLANKS = re.compile(r"\s+")
_FIELD = re.compile(r"\n(?=[ \t>*|-]{0,8}[^\W\d][^\s:：<>@]{0,20}(?: [^\s:：<>@]{1,20}){0,2}\s{0,2}[:：](?!//))")
# Pages to read (their hosts may be those of a block list), who said it, and what the client had sent.
_BESIDE = re.compile(
    r"\b(?:proto|helo)=\S{1,200}|recipient address rejected:?|delivery status notification:?|"
    r"remote server (?:said|returned|replied|responded):?|"
    r"(?<=[a-z0-9])/[^\s<>]{0,300}|\bhost \S{1,200} said:?|remote host said:?|"
    r"--> (?:mail from|helo|ehlo|rcpt)[^<-]{0,60}(?:<[^<>]{0,200}>)?"
    r"|<-- 2\d\d[^<-]{0,60}|\(in reply to [\w ]{1,40} command\)|with \S{0,40} server"
)
LONGEST = 2000  # characters of a refusal that are read

# The second and third number of RFC 3463's codes; the last part may be a range.
_CODES: tuple[tuple[Reason, str], ...] = (
    ("unknown user", "1.0 1.1 1.3 1.10"),
    ("unknown host", "1.2 4.4"),
    ("moved", "1.6"),
    ("sender rejected", "1.7 1.8 1.9 7.27"),
    ("disabled", "2.1 7.13"),
    ("mailbox full", "2.2"),
    ("size", "2.3 3.4"),
    ("system", "2.4 3.0 3.1 3.2 3.3 3.5 4.5 4.6"),
    ("network", "4.0 4.1 4.2 4.3 4.7"),
    ("protocol", "5.0 5.1 5.2 5.4 5.5 5.6 6.0 6.7"),
    ("rate", "5.3 7.28"),
    ("content", "6.1 6.2 6.3 6.4 6.5 6.6"),
    ("authentication", "7.8 7.9 7.20-24 7.26 7.29-32 7.57 7.509"),
    ("blocked", "7.25 7.511 7.606-649 7.705 7.708 7.750"),
    ("policy", "7.0-7 7.10-12 7.14-19"),
    ("relaying denied", "7.64"),
)
_OF_REPLIES: dict[str, Reason] = {"551": "moved", "552": "size", "452": "mailbox full", "421": "network"}


def _by_code() -> dict[tuple[int, int], Reason]:
    found: dict[tuple[int, int], Reason] = {}
    for reason, codes in _CODES:
        for code in codes.split():
            subject, _, detail = code.partition(".")
            first, _, last = detail.partition("-")
            found |= {(int(subject), n): reason for n in range(int(first), int(last or first) + 1)}
    return found


_OF_CODES = _by_code()


def reason_of(said: str, status: str | None = None, around: str = "") -> Reason:
    """Why, by what was `said` of one recipient; where that says nothing, by its `status` (RFC 3463), by what the notice says
    `around` it, and by the reply code of SMTP."""
    code = STATUS.search(status or "") or STATUS.search(said)
    by_code = _OF_CODES.get((int(code[2]), int(code[3]))) if code else None
    by_words, surely = _by_words(said)
    # Refused, unavailable and the like are said for every reason: there the code knows better, but not that the address is bad
    # where a policy or a later time is named.
    if by_words and not (by_code and by_words in _SAID_OF_ALL and not (surely and by_code in BAD_ADDRESS)):
        return by_words
    if by_code and code and code[3] != "0":
        # 5.1.1 is given for anything: beside words that nobody knows it says nothing.
        unsaid = by_words is None and by_code in BAD_ADDRESS and is_foreign(_plain(said))
        return "unknown" if unsaid else by_code
    reply = REPLY_CODE.search(said)
    by_reply = _OF_REPLIES.get(reply[1] + reply[2]) if reply else None
    return by_words or _by_words(around)[0] or by_code or by_reply or "unknown"


def _by_words(said: str) -> tuple[Reason | None, bool]:
    """By wordings, then by concepts, which have more languages; and whether no code knows better. Only a plain English "user
    unknown" is about the address whatever else is said: other wordings of that are as often about a sender or a list."""
    said = _plain(said)
    reason = _by_wording(said)
    if reason in BAD_ADDRESS or reason in _SAID_OF_ALL or reason is None:
        sure = next((sure for sure, words in _SURE_OF if words.search(said)), None)
        if sure:
            return sure, True
    weak = reason is None or reason in _SAID_OF_ALL
    if weak or (reason in BAD_ADDRESS and not any(map(_KNOWN_PLAINLY.search, said.split("\n")))):
        by_concept = cast("Reason | None", meant(said, english=True))
        if reason in BAD_ADDRESS and by_concept in OF_RECIPIENTS and by_concept != "mailbox full":
            by_concept = None  # it says no more: "closed" and "deleted" are said of what is gone as well
        return by_concept or reason, by_concept is not None
    return reason, False


def _plain(said: str) -> str:
    """Lowered, without what is said beside a reason. Fields in lines of their own are sentences; other lines go on."""
    fields = _FIELD.split(said[:LONGEST].lower())
    return ";\n".join(_BESIDE.sub(" ", _BLANKS.sub(" ", one)) for one in fields if one.strip())


def _by_wording(said: str) -> Reason | None:
    fields = said.split("\n")
    return next((reason for reason, words in _OF_WORDS if any(map(words.search, fields))), None) if said else None


def says_why(words: str, *, any_reason: bool = False) -> bool:
    """Whether words give a reason: one that is said of a recipient and hardly of anything else, or any."""
    reason = _by_wording(_plain(words))
    return reason is not None if any_reason else reason in _OF_A_RECIPIENT


def is_hard(reason: Reason, status: str | None, said: str) -> bool:
    """Whether the address is bad: by the reason, unless it is said to be for now alone."""
    if reason not in BAD_ADDRESS:
        return False
    if code := STATUS.search(status or "") or STATUS.search(said):
        return code[1] != "4"
    reply = REPLY_CODE.search(said)
    return reply is None or reply[1] != "4"
