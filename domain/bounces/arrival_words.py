"""What mail systems say of those who got a mail: data for domain/bounces/polarity.py. All texts are lowered.

To teach a language: a row of each concept in domain/failures/refusal_words/outcomes.py, and what stands beside an address as a
status to GOT_STATUS.
"""

from __future__ import annotations

import re

from domain.bounces.outcome_patterns import any_of

GOT = re.compile(
    r"(?<![-\w])(?:got (?:it|the|your|this|through|there|one|a copy|mail)|gets? it\b|"
    r"ha(?:s|ve|d) (?:it\b|your|the (?:e-?mail|mail|message)|got)|went (?:through|out|fine|well)|gone (?:through|out)|"
    r"going through|(?:went|gone|goes|going) to|left our (?:system|server)|made it|came through|come through|"
    r"took (?:it|the|your)|"
    r"(?:was|were|been|is|are|has|have)(?: \w+){0,2} (?:sent|forwarded|passed|handed|queued|taken|dispatched|transmitted|"
    r"completed?|deposited|stored))\b|unaffected|"
    r"wurden?\b.{0,60}\b(?:gesendet|versendet|versandt|verschickt)\b|ging(?:en)?\b.{0,80}\b(?:raus|durch)\b|"
    r"(?:配信|送信|配達|送達|お?届け)(?:が|は|を|も)?(?:完了|成功|済)|(?:投[递遞]|[传傳][递遞]|送[达達]|发送|發送)(?:已|已经)?(?:完成|完毕|成功)|"
    r"(?:배달|전달|전송|발송)[이은을]? ?(?:완료|성공)|" + any_of("arrived", behind=r"[-\w]")
)
"""That a mail arrived, as verbs of a sentence say it."""

_ENDS = r"(?=[\s\])|.!,;:(/！。，]|$)"
_BEGINS = r"(?:^|[\[(|:=>\t/,]|\s{2}|\s->?\s|\s[–—]\s)\s{0,8}"
_STATUSES = (
    r"(?:sent|ok(?:ay)?|o\.k\.|queued|done|pass(?:ed)?|complete[d]?|success|succeeded|fine|good|forwarded|transmitted|"
    r"dispatched|"
    r"handed over|deliver(?:y|ed) ok|all right|in inbox|"
    r"gesendet|versendet|versandt|verschickt|erledigt|in ordnung|gut|i\. ?o\.|"
    r"envoyée?|expédiée?|fait|bon|succès|enviad[oa]s?|correct[oa]s?|bien|hecho|completad[oa]|concluíd[oa]|feito|certo|"
    r"inviat[oa]|"
    r"spedit[oa]|riuscit[oa]|buon fine|fatto|wysłan[oay]|sukces|gotowe|zakończono|отправлен[оа]?|успех|готово|выполнено|ок|"
    r"正常|完了|済み?|送信済み?|送信完了|已发|已發|完成|良好|"
    r"verzonden|verstuurd|gelukt|skickat|skickad|klart|sendt|lähetetty|odesláno|hotovo|gönderildi|tamam|başarılı|elküldve|"
    r"rendben|sikeres|완료|정상)"
)
GOT_STATUS = re.compile(
    rf"{_BEGINS}{_STATUSES}{_ENDS}|(?:^|\s){_STATUSES}[\s\])|.!]*$|^\W*sent to\W*$|^\W*(?:gesendet|versandt) an\W*$"
)
"""What stands for it as a status, and may mean anything in a sentence."""

GOT_MARK = re.compile(r"[✓✔☑✅🟢👍]|^\W{0,4}\[\+\]|^\W{0,2}\+(?=\s|$)")
FAILED_MARK = re.compile(r"[✗✘❌✖☒🔴⛔🚫⚠]|^\W{0,4}\[[-!]\]|^\W{0,2}[!×](?=\s)")
FAILED_STATUS = re.compile(
    r"(?:^|[\[(|:=\t])\s{0,8}(?:nok|not ok|n\.?ok|ko|errors?|err|bad|no such|nein|fehler|nicht ok|non|unknown|invalid|"
    r"unbekannt|inconnue?|desconocid[oa]|sconosciut[oa]|desconhecid[oa]|nieznany|неизвестен|不明|erreur|refus|fallo|falló|"
    r"erro|errore|no|não|błąd|нет|ошибка|错误|錯誤|エラー|欠|失|hiba|chyba|hata|fel|fout|오류)(?=[\s\])|.!,;:(]|$)"
)

_NO_TROUBLE = (
    r"(?:without|with no|no|kein\w*|ohne|sans|aucune?|sin|ningún|sem|nenhum|senza|nessun\w*|bez|żadn\w+|без|никаких|zonder|"
    r"geen|utan)"
    r" (?:any |further |weitere |probl\w+ ni )?(?:delivery )?(?:errors?|problems?|trouble|issues?|incidents?|difficult\w+|"
    r"failures?|"
    r"fehler\w*|probleme?n?|beanstandung\w*|erreurs?|problèmes?|difficulté|errore?s?|problemas?|inconvenientes?|erros?|"
    r"problem[ai]?|"
    r"errori|błęd\w+|problem\w*|ошиб\w+|проблем\w*|fouten|fel)"
)
_NOT_MEANT = (
    r"(?:(?:is|are|was|were) )?(?:not|un)[ -]?(?:affected|concerned|involved)(?: by \w+ \w+)?|nicht (?:davon )?betroffen|"
    r"(?:n['’]est |ne sont )?pas (?:été )?concernée?s?|no (?:está |están )?afectad[oa]s?|n[ãa]o (?:foi |está )?afetad[oa]s?|"
    r"non (?:è |sono )?(?:interessat|coinvolt)[oaie]|nie dotyczy|не затронут\w*|不受影响|影響(?:は)?ありません"
)
UNTROUBLED = re.compile(rf"{_NO_TROUBLE}|{_NOT_MEANT}|无误|無誤|没有(?:错误|问题)|問題(?:なく|ありません)|エラーなし")
"""That nothing went wrong."""

NEUTRAL = re.compile(
    r", but (?:no|the)(?: \w+){0,2} (?:delivery|status) (?:status )?notifications?.*|"
    r"\b(?:no|keine?|aucun\w*|ningun\w*|nessun\w*|nenhum\w*) (?:\w+ )?(?:receipts?|"
    r"notifications?|confirmations?|reports?|dsns?)\b|\bnon-(?!deliver)|no (?:further )?action (?:is )?(?:needed|required)|"
    r"(?:status|delivery) notifications?|(?:not|n't) (?:send|return|issue|support|confirm|"
    r"provide)\w* (?:any )?(?:notifications?|receipts?|reports?|confirmations?|delivery|dsns?)|delivery[- ](?:status|report|"
    r"receipt|result|summary|log)s?|"
    r"(?:no|not) (?:need|necessary) to (?:re-?send|do)\w*"
)
"""What has words of failure in it and tells of none."""

NOT_BEHIND = re.compile(
    r"(?:ulaş|al|ilet|gönder|edil|teslim ed|var)\w{0,6}(?:m[ae]d[ıi]|m[ae]m[ıi]ş)|"
    r"未(?!読)|不可|不通|不接受|不被|没收|拒|エラー|错误|錯誤|"
    r"でき(?:ず|ない)|ず(?=\s|$)|ずに|ない(?=\s|$)|存在しな|없[는습었다]|"
    + any_of("not_behind", "not", "failed", "denied", "returned", "unknown", wide=True)
)
"""What negates where words have no blanks between them."""

ONLY = re.compile(
    r"\b(?:only|nur|seulement|uniquement|que|sólo|solo|solamente|apenas|somente|soltanto|tylko|только|"
    r"лишь)\b.{0,30}\b(?:accept|"
    r"annimm|nimmt|akzeptier|accepte|acepta|aceita|accetta|przyjmuj|принима)\w*|\baccepte\w* que\b|"
    r"\b(?:accept|nimmt|akzeptier|accepte|acepta|aceita|accetta|przyjmuj|принима)\w*\b.{0,40}\b(?:only|nur|seulement|"
    r"uniquement|"
    r"sólo|solo|solamente|apenas|somente|soltanto|tylko|только|лишь)\b"
)

CONTRAST = (
    r"\b(?:but|while|whilst|whereas|however|although|though|aber|jedoch|während|wohingegen|hingegen|dagegen|doch|sondern|"
    r"allerdings|mais|tandis que|alors que|cependant|toutefois|en revanche|quant à|pero|mientras|sin embargo|en cambio|aunque|"
    r"mas|porém|enquanto|contudo|todavia|ma|mentre|invece|però|tuttavia|ale|natomiast|lecz|jednak|zaś|podczas gdy|а|но|однако|"
    r"зато|тогда как|maar|terwijl|echter|medan|dock|avšak|však|zatímco|ama|fakat|ancak|azonban|viszont|míg)\b|(?<=, )men\b|"
    r"\bmen\b(?= (?:kunde|kunne|inte|ikke|det|den|har|blev)\b)|"
    r"但是|但|而(?!且)|不过|不過|然而|却|卻|另外|(?<=[たすんい])が(?=[、,\s])|ですが|ましたが|けれど|一方|그러나|하지만|"
    r"지만|반면"
)
"""What a clause begins with that says the contrary of the one before."""

AND = re.compile(r"\s(?:and|und|et|y|e|i|и|och|og|en|ve|és|oraz)\s|和|以及|及び")

SUBORDINATE = (
    r"\b(?:after|because|since|nachdem|weil|après que|parce que|car|porque|después de que|depois que|perché|dopo che|ponieważ|"
    r"gdyż|"
    r"после того|потому|так как|omdat|nadat|eftersom|fordi|protože|çünkü|mert)\b|因为|因為|由于"
)
"""What a clause begins with that tells why or when, and of something else: "after the first server refused"."""

EXCEPT = re.compile(
    r"\b(?:except(?:ing)?|apart from|aside from|other than|save for|excluding|unlike|all but|everyone but|everybody but|"
    r"nobody but|"
    r"not counting|with the exception|außer|bis auf|ausgenommen|mit ausnahme|anders als|sauf|excepté|hormis|à l'exception|"
    r"contrairement|excepto|salvo|menos|a excepción|con la excepción|exceto|com exceção|exceção|tranne|eccetto|fuorché|"
    r"ad eccezione|"
    r"z wyjątkiem|oprócz|poza|кроме|за исключением|behalve|utom|förutom|kromě|hariç|dışında|kivéve)\b|除了?|以外|を除"
)

LIKEWISE = re.compile(
    r"\b(?:nor|neither|either|as well|also|too|likewise|noch|auch|ebenfalls|ebenso|ni|non plus|aussi|également|tampoco|también|"
    r"tamb[ée]m|nem|neanche|nemmeno|anche|pure|ani|również|także|też|ни|тоже|также)\b|也|同样|も(?=\s|$|届|同)"
)

AFFIRMS = re.compile(r"\b(?:did|does|has|have|had|schon|wohl|doch|oui|si|sí|sì|sim|tak|да|wel|ja|igen|ano|evet)\b")
"""That what is denied of one is so of another: "bob did"."""

OTHERS = re.compile(
    r"\b(?:others?|rest|remaining|everyone|everybody|some|all|following|these|those|übrigen?|anderen?|restlichen|folgenden?|"
    r"alle|"
    r"autres?|reste|tous|suivants?|demás|otros?|otras?|resto|todos|siguientes?|outros?|outras?|demais|seguintes?|altri|altre|"
    r"tutti|seguenti|pozosta\w+|inn\w+|wszys\w+|następ\w+|остальн\w+|други\w+|все[хм]?|следующ\w+)\b|其他|其它|其余|以下|"
    r"全部|他の|ほかの|すべて"
)
"""Whom a clause without an address may be about."""

ONE_OF_TWO = re.compile(
    r"\b(?:the (?:former|latter|(?:first|second|last)(?: (?:one|of them))?(?= (?:does|did|is|was|has|one|accept|refus|could)))|"
    r"ersterer?|letzterer?|(?:ce(?:lui-ci|tte)?|le|la) (?:premi[eè]re?|derni[eè]re?|second)|"
    r"(?:el|la|este|o|a) (?:primero|primera|[úu]ltim[oa]|primeir[oa])|quest['’]ultim[oa]|(?:il|la) prim[oa]|ten ostatni|"
    r"последн(?:ий|ему)|laatstgenoemde)\b|后者|前者|後者"
)
"""One of the addresses before is meant, and who counts which."""

EVERYDAY = re.compile(r"\b(?:please|bitte|prière|por favor|per favore|proszę|пожалуйста)\b|请|ください")
"""Somebody is asked for something; what it negates is not the mail."""

YES = re.compile(r"\W*(?:yes|y|ja|oui|sí|si|sim|sì|tak|да|是|はい|true|1)\W*")
NO = re.compile(r"\W*(?:no|n|nein|non|não|nie|нет|否|いいえ|false|0)\W*")
