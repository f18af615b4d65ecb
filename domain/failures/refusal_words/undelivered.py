"""What a mail did not arrive for, where it is not the address: of bounces alone (domain/bounces/meanings.py).

These stand beside the vocabulary of logins and not in it: a refused login of which every word is known says nothing else.
"""

WORDS = """
mail
  en: message*, mail, mails, e mail, e mails, email*, letter*, attachment*
  de: nachricht*, mail, mails, e mail, e mails, schreiben, anhang, anhänge, sendung*
  fr: message*, courriel*, courrier*, mail, mails, e mail*, piece* jointe*
  es: mensaje*, correo, correos, adjunto*
  pt: mensage*, correio, e mail, e mails, anexo*
  it: messaggi*, mail, e mail, email, posta, allegat*
  pl: wiadomoś*, list, listów, e mail*, mail*, załącznik*, przesyłk*
  ru: письм*, писем, сообщени*, вложени*
  zh: 邮件, 郵件, 信件, 附件
  ja: メール, メッセージ, 添付
storage
  en: storage, space, room, capacity, quota
  de: speicher*, platz, kontingent, quota
  fr: espace, stockage, quota
  es: espacio, almacenamiento, cuota, capacidad
  pt: espaco, armazenamento, cota, quota, capacidade
  it: spazio, capacita, quota
  pl: miejsc*, pojemnoś*, przestrze*
  ru: мест*, квот*, объем*
  zh: 空间, 空間, 容量, 配额, 配額
  ja: 容量, 空き
used_up
  en: no more, none left, insufficient, not enough, used up, exhausted, no room, no space, lack*
  de: erschöpft, überfüllt, nicht genug, nicht genügend, zu wenig, überlauf*, überzogen, überschritt*,
      erreicht
  fr: epuise*, insuffisant*, pas assez, depass*, atteint*
  es: agotad*, insuficiente*, superad*, excedid*, sin espacio
  pt: esgotad*, insuficiente*, lotad*, excedid*, excedeu, ultrapass*, sem espaco
  it: esaurit*, insufficiente*, superat*, ecced*
  pl: przepełnion*, zapełnion*, brak, wyczerpan*, przekroczon*
  ru: заполнен*, исчерпан*, недостаточн*, не хватает, закончил*, превышен*
  zh: 不足, 满, 滿, 已满, 已滿, 用尽, 超出, 超过, 超過
  ja: 超過, オーバー, 不足, いっぱい, 一杯, 満杯, 超え
unwanted
  en: spam*, junk, unsolicited, virus*, malware, phishing, bulk mail, advertis*, malicious
  de: spam*, werbung, werbemail*, unerwünscht*, virus, viren, schadsoftware, schädlich*, phishing, verdächtig*
  fr: spam*, pourriel*, indesirable*, publicit*, virus, malveillant*, hameconnage, suspect*
  es: spam, basura, no deseado*, no solicitad*, publicidad, virus, malicios*, sospechos*, malintencionad*
  pt: spam, lixo, indesejad*, nao solicitad*, publicidade, virus, malicios*, suspeit*
  it: spam, indesiderat*, non richiest*, pubblicit*, virus, dannos*, sospett*, spazzatura
  pl: spam*, niechcian*, niezamówion*, reklam*, wirus*, złośliw*, podejrzan*, śmieci*
  ru: спам*, нежелательн*, реклам*, вирус*, вредоносн*, подозрительн*
  zh: 垃圾, 病毒, 广告, 廣告, 恶意, 可疑, 钓鱼
  ja: 迷惑メール, スパム, ウイルス, ウィルス, 広告, 不審, 悪意
content
  de: inhalt*
  fr: contenu*
  es: contenido*
  pt: conteudo*
  it: contenut*
  pl: treś*, zawartoś*
  ru: содержим*, содержани*
  zh: 内容, 內容
  ja: 内容, 本文
listed
  en: blacklist*, black list*, blocklist*, block list*, denylist*, list of spammers, lists of spammers, bad reputation,
      poor reputation, reputation
  de: sperrliste*, blacklist*, schwarze* liste, blockliste*, reputation, ruf
  fr: liste* noire*, liste de blocage, blacklist*, reputation
  es: lista* negra*, lista de bloqueo*, listas de bloqueo, reputacion
  pt: lista* negra*, lista de bloqueio*, listas de bloqueio, reputacao
  it: lista nera, liste nere, blacklist*, lista di blocco, reputazione
  pl: czarn* liś*, czarn* list*, list* blokad, reputacj*
  ru: черн* спис*, спис* блокир*, блок лист*, репутаци*
  zh: 黑名单, 黑名單, 信誉, 信譽
  ja: ブラックリスト, 拒否リスト, ブロックリスト, 評価, レピュテーション
peer
  en: ip, ips, your server, your host, your network, your mail server, sending server
  de: ip, ip adresse*, ihr server, ihres servers, ihrem server, ihren server, mailserver*, absendende* server
  fr: ip, adresse* ip, votre serveur, serveur d envoi
  es: ip, direccion* ip, su servidor, servidor de envio
  pt: ip, endereco* ip, seu servidor, servidor de envio
  it: ip, indirizzo ip, indirizzi ip, vostro server, suo server, tuo server, server mittente
  pl: ip, adres* ip, twój serwer, serwer nadawcy
  ru: ip, ip адрес*, ваш сервер, вашего сервера, вашему серверу
  zh: ip, ip地址, 服务器
  ja: ip, ipアドレス, 送信元サーバ
rules
  en: policy, policies, our rules, rules of, against our rules
  de: richtlinie*, regeln, regel, vorgabe*, sicherheitsgründe*, policy
  fr: politique*, regle*, directive*
  es: politica*, normas, norma, regla*, directiva*
  pt: politica*, regra*, norma, normas, diretiva*
  it: politic*, regole, regola, criteri*, policy, norme
  pl: zasad*, polityk*, regul*, reguł*
  ru: политик*, правил*
  zh: 策略, 政策, 规则, 規則, 规定
  ja: ポリシー, 規則, ルール, 方針
proof
  en: spf, dkim, dmarc, sender authentication, domain authentication
  de: absenderauthentifizierung, absenderprüfung, domainauthentifizierung
  fr: authentification de l expediteur, authentification du domaine
  es: autenticacion del remitente, autenticacion del dominio
  pt: autenticacao do remetente, autenticacao do dominio
  it: autenticazione del mittente, autenticazione del dominio
  pl: uwierzytelnieni* nadawcy, uwierzytelniani* nadawcy, uwierzytelniani* domeny
  ru: аутентификаци* отправител*, аутентификаци* домен*, подлинност* отправител*
  zh: 发件人验证, 域名验证, 身份验证
  ja: 送信ドメイン認証, 送信者認証, ドメイン認証
too_big
  en: too big, too large, bigger than, larger than, too heavy
  de: zu groß, zu lang, größer als, zu umfangreich
  fr: trop gros*, trop grand*, trop volumineu*, trop lourd*, trop long*
  es: demasiado grande*, muy grande*, demasiado largo, excesivo
  pt: demasiado grande*, muito grande*, grande demais, grandes demais
  it: troppo grand*, troppo pesant*, troppo lung*, eccessiv*
  pl: za duż*, zbyt duż*, za długi*
  ru: слишком больш*, слишком длинн*, слишком велик*
  zh: 过大, 過大, 太大
  ja: 大きすぎ, 大き過ぎ
too_many
  en: too many, too much
  de: zu viele, zu viel
  fr: trop de
  es: demasiados, demasiadas
  pt: demasiados, demasiadas, muitas, muitos, excesso de
  it: troppi, troppe
  pl: zbyt wiele, zbyt dużo, za dużo
  ru: слишком много
  zh: 过多, 過多, 太多
  ja: 多すぎ
taken
  en: accept*, take, taking, receive, receives
  de: angenommen, akzeptiert, annahme, empfangen, zugelassen, erlaubt
  fr: accepte*, valide*, valable*
  es: aceptad*, acepta, admitid*, permitid*, autorizad*
  pt: aceit*, permitid*, autorizad*
  it: accettat*, accetta, ammess*, consentit*, autorizzat*
  pl: przyjęt*, przyjmuje, akceptowan*, akceptuje, zaakceptowan*
  ru: принят*, принимает*, принимаем, разрешен*
  zh: 接受, 接收, 允许
  ja: 受け付け, 受信でき, 許可
you
  en: from you, from your address, mail of yours
  de: von ihnen, ihrer adresse
  fr: de votre part
  es: de usted
  pt: de si, vindas de voce
  it: da lei, da voi
  ru: от вас
  zh: 您的邮件, 来自您
  ja: あなたから
sender
  fr: emetteur*
  es: emisor*
  pt: emissor*
gone
  de: gelöscht, aufgelöst, entfernt
  fr: supprime*
  es: eliminad*, borrad*, dado de baja, dada de baja
  pt: excluid*, eliminad*, removid*, apagad*
  it: cancellat*, eliminat*, rimoss*
  pl: usunięt*, skasowan*
  ru: удален*
  zh: 注销, 删除, 刪除
  ja: 削除, 解約
"""
