"""What mail systems say in words of mail that they did not deliver: data for the reader of notices (`domain.bounces.notices`).

To teach a language: a row of each concept in domain/failures/refusal_words/outcomes.py, from which most of this is made.
"""

from __future__ import annotations

import re

from domain.bounces.outcome_patterns import any_of, in_one_language

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
    r"zustell\w*(?: \w+){0,5}? (?:fehl|nicht|gescheitert)|"
    r"(?:geht|ging|kommt|kam)(?: \w+){0,4} zurück|"
    + "|".join((any_of("undelivered"), *in_one_language(("not", "error"), "deliver", left_out=("en",))))
)
"""That something was not delivered, in the languages of mail systems."""

DELAY = re.compile(
    r"delayed|postponed|delay(?:s|ing)? (?:notif|in|of)|\(delay\)|warning message only|will (?:continue|keep|"
    r"be retr|retry|try)|not yet been (?:deliver|"
    r"sent)|will be repeated|could not be delivered for more than|until it is \d+|still (?:being|trying|"
    r"in the queue|undeliver)|no action is required|(?:not|n't) (?:need|have) to resend|transient non-?fatal|"
    r"will be (?:retried|repeated|"
    r"attempted)|temporarily undeliver|verzögert|wird weiter versucht|noch nicht zugestellt|retardé|retrasad|"
    r"ritardat|задерж|遅延|延迟|延遲"
)
FINAL = re.compile(
    r"giv(?:e|en|ing) up|gave up|permanent (?:error|fail|fatal)|permanent fatal|too long|expired|final(?:ly)?\b|"
    r"undeliverable|returned to sender|"
    r"retry (?:time|timeout)|no further (?:attempt|delivery)|won'?t (?:be )?(?:try|retr)|will not (?:be )?(?:retr|"
    r"try)|has failed|delivery failed"
)

SENDER_LABEL = re.compile(
    r"^(?:(?:envelope |original |resent-|your |the |x-)?(?:from|sender|return-path|mail from|reply-to|reply to|"
    r"errors-to|originator|von|absender|de|da|"
    r"från|fra|od|expéditeur|remitente|remetente|mittente|отправитель|от|发件人|寄件者|寄件人|差出人|"
    r"送信者|보낸 ?사람|발신자|cc|"
    r"subject|betreff|oggetto|asunto|objet|assunto|"
    r"тема|主题|主旨|件名|제목|message-?id|message id|id|references|in-reply-to|received|contact|kontakt|e-?mail|mailto|"
    r"support|help|postmaster|date|sent|user-agent|"
    r"dkim-signature|list-\w+|x-[\w-]+|reporting-mta|arrival-date|reported by|generating server|bounced? by|"
    r"signed by|authenticated|via|server))$"
)
TO_LABEL = re.compile(r"^(?:to|an|à|a|para|do|кому|till|til|naar|aan)$")
RECIPIENT = re.compile(
    r"recipient|rcpt|fail|adress|direcci|indirizz|endereç|\badres|osoite|lakcím|adresă|διεύθυν|ящик|postfach|utilisateur|"
    r"usuario|"
    r"utente|gebruiker|benutzer|användar|bruger|bruker|użytkown|uživatel|käyttäj|felhasznál|пользовател|користувач|"
    r"kullanıcı|korisnik|"
    r"χρήστ|用户|用戶|使用者|ユーザ|사용자|addressee|address|empfänger|destinat|doel|odbiorc|получател|адрес|收件|受信|"
    r"送信先|宛先|수신|"
    r"mottag|modtager|ontvanger|undeliver|user|mailbox|unknown|"
    r"invalid|delivered|deliver|error|reach"
)
BEFORE_OTHERS = re.compile(
    r"(?:\b(?:from|by|via|contact\w*|e-?mail(?= (?:us|me|the|at)\b)|mailto|mail to|write|send|cc|forward\w*|please|"
    r"postmaster|hostmaster|"
    r"administrator|admin|help|support|questions?|abuse|report\w*|"
    r"reply|replies|visit|see|sender|envelope from|von|kontakt\w*|wenden|an den|contacter|contacte|contatt\w*|"
    r"de la part de|server|program|system|at|id|using|as|http\S*|"
    r"behalf of|try|use|if|wenn|falls|(?:changed|moved|forwarded|new address is|is now) ?(?:to|is)?|instead|"
    r"assistance)\W{1,6}(?:\w+\W{1,3}){0,1}|id=|from=<?|sender=)$"
)
BEFORE_RECIPIENT = re.compile(
    r"(?:\b(?:to|for|recipients?|user|account|mailbox|address(?:es)?|addressee|rcpt|destination|reach|named|"
    r"deliver|delivered|an|für|per|empfänger|adresse|à|para|dirección|destinatario|"
    r"destinataire|a|ao|do|na adres|адрес\w*|получател\w*|кому|пользовател\w*|til|till|naar|aan|unknown|invalid|"
    r"no such)\b|地址|收件人|用户|用戶|邮箱|宛先|给|給|向|送至|到|アドレス|には?|[:：])"
    r"(?:\W{1,4}(?:the|following|e-?mail|mail|address|user|recipients?|der|die|den|folgende\w*|account|to|smtp|"
    r"rfc822|is)){0,3}\W{0,12}$"
)
SAID_BY = re.compile(r"mail from:?\W{0,3}$|(?:^|\W)(?:from|sender|by)\W{1,6}$")
OF_RECIPIENT = re.compile(r"(?:unknown|user|recipient|rcpt|deliver\w*|reach|to)\W{1,4}$")
WRITE_TO = re.compile(
    r"\b(?:try|write|contact|mailing|emailing|e?mail us|report|forward(?:ed)?|reply|moved|changed)\b[^.]{0,24}$"
)
CONTACT = re.compile(r"(?:contact|write|send|forward|report|mail|please|questions)\b")
INTRODUCES_OTHERS = re.compile(
    r"(?:contact|write to|mail to|e-?mail|postmaster|assistance|from|sender|by|server|try|address is|use)\W{0,3}$"
)
ROLE = re.compile(
    r"^(?:post|host|web|list)?master|^mailer-daemon|^abuse$|^help ?desk|^support$|^admin|^no-?reply|^root$|"
    r"^daemon$|^security$|^info-?desk|^it-|"
    r"-(?:bounces?|request|owner)$|^owner-|^bounces?[+-]"
)
QUOTED_BY = re.compile(r"^[\s:,]{0,4}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|写道)")
AFTER_RECIPIENT = re.compile(
    r"^[\s>)'\"\].,:;|-]{0,12}(?:$|[(\[<]|[45]\d\d\b|[45]\.\d\.\d|\.\.\.|\b(?:on |user|unknown|no|not|is|was|does|"
    r"could|can|has|had|host|smtp|error|fail|invalid|address|mail|recipient|over|"
    r"unable|reject|refused|delivery|undeliver|reason|said|while|the |your|this|permanent|remote|account|connect|"
    r"message|delay|couldn|wasn|isn|doesn|won|relay|nicht|kein|unbekannt|ist|"
    r"konnte|existe|inconnu|no existe|desconocid|inexist|n[ãa]o|non|nie|не|因|不|无|無|失|は|に|へ|の|が|の|：|，|。|（|を))"
)
EXPANDED = re.compile(
    r"\((?:expanded|generated|originally|forwarded|was|aka)(?: addressed| sent)?(?: from| to| by)?[:\s]*<?$|"
    r"generated (?:from|by) <?$"
)
COPY = re.compile(
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
    r"原始?邮件|原郵件|原信|元の?メ|元メール|オリジナル|원본 ?메|kopie (?:der|ihrer)|kopia)"
)

NOT = re.compile(rf"without success|{any_of('not', wide=False)}")
DELIVER = re.compile(any_of("deliver", "receive"))
EXIST = re.compile(any_of("exist"))
FAILED = re.compile(
    rf"\b(?:is|are|was) (?:unknown|invalid)\b|\s(?:{any_of('unknown', wide=False)}|invalid|ungültig)\w*\W*$|"
    + any_of("failed", "denied", "returned", wide=False)
)


def lowered(text: str) -> str:
    """`text` as the words here are searched in it: without capitals they are found five times as fast."""
    return text.lower().replace("i\u0307", "i")  # the Turkish capital I with its dot


def undelivered(text: str) -> bool:
    """Whether a text says in the usual words that something was not delivered."""
    return FAILURE.search(lowered(text)) is not None


def fails(low: str) -> bool:
    """Whether a sentence or two, lowered, say that something was not delivered."""
    if FAILURE.search(low) or FAILED.search(low):
        return True
    return NOT.search(low) is not None and (DELIVER.search(low) or EXIST.search(low)) is not None


SENDER_BEFORE = re.compile(r"(?:由|(?:^|\s)(?:от|від|од))\s{0,3}[<\"']?$")
SENDER_AFTER = re.compile(r"[>\"']?\s{0,3}(?:から|címről|님이|님께서|发往|發往)|[>\s:]{1,4}sender address rejected")
"""Beside the address of the sender, in languages whose recipients stand in the same sentence."""

MAIL = re.compile(
    r"undeliver|unzustell|message|\be?-?mails?\b|letter|nachricht|schreiben|courriel|courrier|mensaje|correo|mensagem|"
    r"correio|messaggio|posta\b|bericht|"
    r"meddelande|\bbrev|besked|melding|viesti|wiadomo|zpráv|správ|poruk|pošt|sporočil|üzenet|level|mesaj|ileti|missatge|письм|"
    r"сообщен|лист|повідомлен|съобщен|писмо|μήνυμ|pesan|surat|thư|邮件|郵件|信|メール|메일|메시지|편지"
)
"""A mail, in the languages of mail systems."""

GOODS = re.compile(
    r"parcel|package|(?<!in )\border\b|shipment|paket|päckchen|bestell|lieferung|colis|commande|paquete|pedido|encomenda|pacco|"
    r"ordine|zending|pakke|paczk|przesyłk|zásilk|посылк|заказ|包裹|订单|訂單|荷物|注文"
)
"""What is delivered too, and is no mail."""

ONE_PERSON = re.compile(
    r"\bI(?:['’](?:m|ve|ll|d))?\b|\b(?:[Mm]y|me|[Ii]ch|[Mm]eine?[mnrs]?|mir|mich|[Jj]e|[Mm]on|[Mm]oi|[Yy]o|[Ee]u|[Mm]eu|"
    r"[Mm]inha|"
    r"[Mm]io|[Ii]k|[Mm]ijn|[Jj]ag|[Mm]itt|[Jj]eg|[Mm]ój|[Мм]о[йеё]|[Яя]|мне)\b|\b[Jj]['’]"
)
"""Somebody speaks of themselves, as systems hardly do."""

OF_NOTICE = re.compile(
    r"transcript|session|smtp|reason|error|server|diagnos|respon|\blog\b|technical|detail|status|report|delivery|information|"
    r"grund|fehler|antwort|motiv|raison|causa|erreur|причин|原因|理由|エラー|サーバ|详细|詳細"
)
"""What titles in the midst of a notice are about."""

AND = re.compile(
    r"@[^\s,;<>]{1,255}>?\s{0,2}(?:[,;、]|and|und|et|y|e|i|en|och|og|ja|a|и|та|と|和|및|&|/)\s{0,3}(?:and )?[<\"']?$"
)
"""Between two addresses of whom the same is said."""
