"""What numbers beside words are: an error's, or those of a case, a count, a name.

Not concepts: each line says what a number is that stands right behind (or, of `COUNTED`, before) one of its words. Written as
the other words are, without the concept: ten languages, `*` for any ending, letters as `fold` leaves them.
"""

# An error's, however long it is: without one of these before it only a short number is.
OF_AN_ERROR = """
  en: code*, error*, err, errno, errcode, status, result, rc, retcode, sc, hr, hresult, reason, exit, return*,
      response, no, nr, err no
  de: fehler*, fehlercode*, fehlernummer*, ruckgabewert, rueckgabewert
  fr: erreur*, numero
  es: codigo*
  pt: erro*
  it: errore*, codice*
  pl: blad*, bledu, kod*, numer
  ru: ошибк*, код*, номер
  zh: 错误码, 错误代码, 错误, 錯誤碼, 錯誤, 代码, 代碼, 返回码, 返回, 状态码
  ja: エラーコード, エラー番号, エラー, コード
"""

# An error's with these right before it, as one word: "E1040", "SQL0911". All other words with digits name cases.
PREFIXES_OF_AN_ERROR = (
    "e",
    "err",
    "error",
    "errno",
    "code",
    "rc",
    "no",
    "nr",
    "sql",
    "wsa",
    "ora",
    "http",
    "ldap",
    "krb5",
)

# A case's, an account's or a process's, however short it is.
OF_A_CASE = """
  en: id, ids, uuid, guid, sessionid, requestid, reqid, msgid, ref, reference, pid, uid, userid, tid, sid, ticket*,
      incident*, case, trace, correlation, txn,
      transaction, tracking
  de: kennung, vorgang*, vorgangsnummer, ticketnummer, aktenzeichen
  es: folio
  it: riferimento
  ru: идентификатор*, обращени*
  zh: 编号, 編號, 标识
  ja: 受付番号, 管理番号
"""

# A case's if it is long or has letters: "session 7f3e9a21b4"; "session 503" has failed.
OF_A_LONG_CASE = """
  en: session*, request*, log, logid, connection, conn, support, message
  de: sitzung*, anfrage
  fr: session, requete
  es: sesion, solicitud
  pt: sessao, pedido
  it: sessione, richiesta
  pl: sesja, sesji
  ru: сесси*, запрос*
  zh: 会话, 请求
  ja: セッション, リクエスト
"""

# A name, not an error.
OF_A_NAME = """
  en: user, username, user name, account, mailbox, for, customer, login name
  de: benutzer*, konto, postfach, fur, fuer, kundennummer
  fr: utilisateur, compte, pour, identifiant
  es: usuario, cuenta, para
  pt: usuario, utilizador, conta, para
  it: utente, account, per
  pl: uzytkownik*, konta, konto, dla
  ru: пользовател*, для, абонент*
  zh: 用户, 帐号, 账号
  ja: ユーザー, ユーザ, アカウント
"""

# How many, which of them, or how much of something.
COUNTED = """
  en: attempt*, try, tries, left, remaining, remain*, times, day, days, hour*, minute*, min, mins, sec, secs, second,
      seconds
  de: versuch, versuche, versuchen, fehlversuch*, anmeldeversuch*, ubrig, verbleibend*, mal, tag, tage*, stunde*,
      sekunde*
  fr: essai, essais, tentative*, restant*, fois, jour*, heure*, seconde*
  es: intento*, restante*, vez, veces, dia, dias, hora, horas, segundo*, minuto*
  pt: tentativa*, restante*, vez, vezes, dia, dias, hora, horas, segundo*, minuto*
  it: tentativ*, rimast*, rimanent*, volta, volte, giorn*, ora, ore, second*, minut*
  pl: prob, proba, proby, pozostal*, raz, razy, dni, godzin*, sekund*, minut*
  ru: попыт*, остал*, раз, раза, дня, дней, час, часа, часов, секунд*, минут*
  zh: 次, 剩, 还剩, 還剩, 剩余, 分钟, 分鐘, 小时, 秒, 天
  ja: 回, あと, 残り, 分, 時間, 秒, 日
  nl: poging*, mislukte, keer, dag, dagen, uur, uren, minuut, minuten, seconde*, resterend*
  sv: forsok, misslyckade, ganger, dag, dagar, timmar, timme, minut*, sekund*, aterstaende
  da: forsog, fejlende, mislykkede, gange, dag, dage, timer, minut*, sekund*, resterende
  cs: pokus*, neuspesn*, dni, hodin*, minut*, sekund*, zbyva*
  tr: deneme*, basarisiz, kez, gun, saat, dakika*, saniye*, kalan
  hu: kiserlet*, sikertelen, probalkozas*, alkalommal, nap, ora, perc*, masodperc*, maradt
  ko: 번, 회, 분, 초, 시간, 일
"""
OF_SO_MANY = ("of", "out of", "von", "sur", "de", "di", "su", "da", "z", "ze", "из", "/", "回中", "次中")  # 2 of 5

# Numbers of errors that say the same as a wrong name or password. All others are something else that is said.
WRONG_PASSWORD_NUMBERS = frozenset((
    535,  # RFC 4954 section 6
    1326,  # ERROR_LOGON_FAILURE of Windows, and as an HRESULT
    0x8007052E,
    0x8009030C,  # SEC_E_LOGON_DENIED
    0xC000006D,  # STATUS_LOGON_FAILURE
    0xC000006A,  # STATUS_WRONG_PASSWORD
    0xC0000064,  # STATUS_NO_SUCH_USER
))  # fmt: skip
# RFC 3463 section 3.8 and RFC 4954 section 6; 5.7.3 and 5.7.139 are Exchange's. 5.0.0 says nothing.
WRONG_PASSWORD_STATUSES = frozenset(("5.0.0", "5.7.0", "5.7.1", "5.7.3", "5.7.8", "5.7.139"))
