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
  de: speicher*, platz, kontingent, quota, speicherplatz*, speichervolumen, limit
  fr: espace, stockage, quota, capacite*, place, volume
  es: espacio, almacenamiento, cuota, capacidad
  pt: espaco, armazenamento, cota, quota, capacidade
  it: spazio, capacita, quota, quota, posto
  pl: miejsc*, pojemnoś*, przestrze*, limit*, powierzchni*, quota
  ru: мест*, квот*, объем*, хранилищ*, пространств*
  zh: 空间, 空間, 容量, 配额, 配額, 存储, 儲存
  ja: 容量, 空き, 保存領域, クォータ
  nl: opslag*, ruimte, schijfruimte, quota
  tr: kota*, depolama*, alan*
  cs: kvót*, míst*
  hu: kvót*, tárhely*
  ko: 용량*, 저장*
  sv: utrymme*, kvot*, lagring*
used_up
  en: no more, none left, insufficient, not enough, used up, exhausted, no room, no space, lack*, ran out, run out,
      reached, exhausted, full
  de: erschöpft, überfüllt, nicht genug, nicht genügend, zu wenig, überlauf*, überzogen, überschritt*, erreicht,
      aufgebraucht, ausgeschöpft, belegt, zu ende, ausgereizt
  fr: epuise*, insuffisant*, pas assez, depass*, atteint*, plus de, plus d, sature*, rempli*
  es: agotad*, insuficiente*, superad*, excedid*, sin espacio, acabad*, agoto, termino, no queda, no quedan,
      alcanzad*, insuficient*
  pt: esgotad*, insuficiente*, lotad*, excedid*, excedeu, ultrapass*, sem espaco, acabou, terminou, acabad*, atingid*,
      insuficient*
  it: esaurit*, insufficiente*, superat*, ecced*, finit*, terminat*, raggiunt*, insufficient*
  pl: przepełnion*, zapełnion*, brak, wyczerpan*, przekroczon*, skończył*, wykorzystan*, osiągnięt*
  ru: заполнен*, исчерпан*, недостаточн*, не хватает, закончил*, превышен*, закончен*, кончил*, израсходован*,
      исчерпал*, нет свободн*
  zh: 不足, 满, 滿, 已满, 已滿, 用尽, 超出, 超过, 超過, 用完, 耗尽, 已达上限, 超限
  ja: 超過, オーバー, 不足, いっぱい, 一杯, 満杯, 超え, 使い切, 上限
  nl: overschreden, onvoldoende, bereikt, te weinig, vol
  tr: aşıldı, aştı, yetersiz, doldu
  cs: překročen*, vyčerpán*, nedostatek
  hu: betelt, túllépt*, elfogyott, kevés
  ko: 부족*, 초과*
  sv: överskrid*, slut, otillräcklig*, för lite
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
  en: link, links, url, urls
  de: inhalt*, link*, verweis*
  fr: contenu*, lien, liens
  es: contenido*, enlace*
  pt: conteudo*, link*, ligacoes
  it: contenut*, collegament*, link
  pl: treś*, zawartoś*, odnośnik*
  ru: содержим*, содержани*, ссылк*
  zh: 内容, 內容, 链接, 連結
  ja: 内容, 本文, リンク
listed
  en: blacklist*, black list*, blocklist*, block list*, denylist*, list of spammers, lists of spammers,
      bad reputation
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
  en: accept*, take, taking, receive, receives, accepting, receiving, takes, let in
  de: angenommen, akzeptiert, annahme, empfangen, zugelassen, erlaubt, nimmt, annimmt, nehmen, nehme,
      entgegengenommen, durchgelassen
  fr: accepte*, valide*, valable*, recoit, recevoir, recoivent
  es: aceptad*, acepta, admitid*, permitid*, autorizad*, recibe, admite, reciben
  pt: aceit*, permitid*, autorizad*, recebe, recebem, aceita
  it: accettat*, accetta, ammess*, consentit*, autorizzat*, riceve, ricevono, accettano
  pl: przyjęt*, przyjmuje, akceptowan*, akceptuje, zaakceptowan*, odbiera, akceptują
  ru: принят*, принимает*, принимаем, разрешен*, получает, принимают
  zh: 接受, 接收, 允许, 收取
  ja: 受け付け, 受信でき, 許可, 受け取り, 受信しません, 受信し, 受け取る
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
  fr: emetteur*, expedit*, envoyeur*, adresse d envoi
  es: emisor*, quien envia, envia
  pt: emissor*, quem envia
  en: sending address*, sender s address
  de: absendeadresse*, versender*, absenderadresse*
  it: chi scrive
  zh: 发送方, 发送者, 寄件者, 来信方
  ja: 送信元, 発信者, 発信元, 差し出し人
  nl: afzender*, verzender*
  tr: gönderen*, gönderici*
  cs: odesílatel*
  hu: feladó*, küldő*
  ko: 발신자*, 보낸*, 송신자*
  sv: avsändar*
gone
  de: gelöscht, aufgelöst, entfernt, endgültig geschlossen, dauerhaft geschlossen, endgültig gelöscht
  fr: supprime*, definitivement ferme*, ferme* definitivement, definitivement desactive*, n existe plus, cloture*
  es: eliminad*, borrad*, dado de baja, dada de baja, definitivamente cerrad*, cerrad* definitivamente, ya no existe
  pt: excluid*, eliminad*, removid*, apagad*, definitivamente encerrad*, encerrad* definitivamente, ja nao existe,
      nao existe mais
  it: cancellat*, eliminat*, rimoss*, definitivamente chius*, chius* definitivamente, non esiste piu
  pl: usunięt*, skasowan*, trwale zamknięt*, trwale usunięt*, już nie istnieje
  ru: удален*, навсегда закрыт*, больше не существует
  zh: 注销, 删除, 刪除
  ja: 削除, 解約
  en: permanently closed, permanently deleted, permanently removed, permanently disabled, permanently deactivated
full
  en: overfull, overflowing, filled up, maxed out
  de: randvoll, überfüllt, übervoll, komplett belegt
  fr: rempli*, comble*, deborde*, plus de place, plus d espace
  es: saturad*, repleto, repleta, colapsad*, a tope, complet*
  pt: lotad*, repleta, abarrotad*, saturad*
  it: satur*, colm*, stracolm*, strapien*
  pl: zapełnion*, przepełnion*, zapchan*
  ru: забит, забита, забито, заполнен*, полон, полна
  zh: 爆满, 爆滿, 满了, 存满, 滿了, 满额, 超限
  ja: 溢れ, あふれ, 満杯, いっぱい, 満タン, 空きがありません
  nl: vol, overvol
  tr: dolu, doldu, dolmuş, dolmuştur
  cs: plna, plný, plné, přeplněn*, zaplněn*
  hu: megtelt, tele, betelt
  ko: 가득*, 꽉*, 용량을 초과*, 용량이 초과*, 용량 초과*, 초과*
  sv: full, fullt, överfull
mailbox
  nl: mailbox, postvak*, inbox, postbus, brievenbus
  tr: posta kutusu*, gelen kutusu*, kutusu*
  cs: schránk*
  hu: postafiók*, postaláda*, fiók*
  ko: 메일함*, 편지함*, 사서함*, 받은편지함*, 메일박스*
  sv: brevlåd*, inkorg*, postlåd*, mailbox*
  fr: messagerie
  de: posteingang, eingangsordner
  es: bandeja
  pt: caixa
  it: posta in arrivo
  ja: 受信箱, 受信トレイ, 私書箱
  zh: 收件箱, 收件匣
user
  nl: gebruiker*
  tr: kullanıcı*
  cs: uživatel*
  hu: felhasználó*
  ko: 사용자*, 계정*
  sv: användar*
recipient
  nl: ontvanger*, geadresseerde*
  tr: alıcı*
  cs: příjemc*, adresát*
  hu: címzett*
  ko: 수신자*, 수신인*, 받는*
  sv: mottagar*, adressat*
address
  nl: adres, mailadres, e mailadres
  tr: adres*
  cs: adres*
  hu: cím, címe, címet, címen
  ko: 주소*
  sv: adress*
unknown
  tr: yok, geçersiz
only
  en: only, exclusively, nobody but
  de: nur, ausschließlich, lediglich
  fr: seulement, uniquement, exclusivement, seuls, seules
  es: solo, solamente, únicamente, exclusivamente, sólo
  pt: só, somente, apenas, unicamente
  it: solo, soltanto, solamente, unicamente, esclusivamente
  pl: tylko, wyłącznie
  ru: только, лишь, исключительно
  zh: 只, 仅, 僅, 只有
  ja: のみ, だけ, しか, 以外
selective
  en: accepts only, only accepts, only takes, takes only, allow list, allowlist, whitelist*, white list*,
      approved senders, known senders, members only, contacts only, only members, members may, not allowed to post,
      not allowed to send, not permitted to send, not permitted to post, may not post, moderated
  fr: n accepte que, accepte que, ne recoit que, accepte uniquement, liste blanche
  de: whitelist*, positivliste*, freigegebene* absender*, bekannte* absender*, bekannter absender
  es: lista blanca, remitentes conocidos, remitentes autorizados
  pt: lista branca, remetentes conhecidos, remetentes autorizados
  it: lista bianca, mittenti conosciuti, mittenti noti, mittenti autorizzati
  pl: biał* list*, znanych nadawców
  ru: бел* спис*, известных отправителей
  zh: 白名单, 白名單
  ja: ホワイトリスト, 許可リスト
attachment
  en: attachment*, file type*, file extension*, executable*, file name*, filename*, zip, exe
  de: anhang, anhänge, anhangs, dateityp*, dateien, datei, dateiendung*
  fr: piece* jointe*, fichier*, extension*
  es: adjunto*, archivo*, fichero*
  pt: anexo*, arquivo*, ficheiro*
  it: allegat*, file, estension*
  pl: załącznik*, plik*
  ru: вложени*, файл*
  zh: 附件, 文件
  ja: 添付, ファイル, 拡張子
  nl: bijlage*
  sv: bilag*, bifog*
  cs: příloh*
  tr: ek dosya*
  hu: melléklet*
  ko: 첨부*
unreached
  en: timed out, time out, timeout, unreachable, no connection, connection refused, connection
  de: zeitüberschreitung*, nicht erreichbar, verbindung*, zeitablauf
  fr: injoignable*, delai depasse, connexion*, delai
  es: tiempo de espera, conexion*, inalcanzable*
  pt: tempo limite, tempo esgotado, conexao, ligacao
  it: timeout, connession*, irraggiungibil*, tempo scaduto
  pl: połączeni*, przekroczono czas, upłynął limit czasu, nieosiągaln*
  ru: соединени*, тайм аут, таймаут*, время ожидания, недоступен, недоступна, недоступны
  zh: 连接, 連接, 超时, 超時, 逾时, 无法访问
  ja: 接続, タイムアウト, 応答がありません, 応答しません
  nl: verbinding*, time out
  sv: anslutning*
  cs: spojení, připojení, časový limit
  tr: bağlantı*, zaman aşımı*
  hu: kapcsolat*, időtúllépés*
  ko: 연결*, 시간 초과*
nobody
  en: nobody called, nobody by, nobody here, nobody with, no one called, no one by, no one here, no one with,
      not one of ours, no longer works, no longer here, no longer with, left the company, left our company,
      left the organi*
  de: niemand, niemanden, ausgeschieden, nicht mehr bei uns, nicht mehr im unternehmen
  fr: personne de ce nom, personne a ce nom, ne fait plus partie, quitte
  es: nadie, no trabaja, ya no
  pt: ninguém, não trabalha
  it: nessuno con, nessuno a, non lavora
  pl: nikt, nikogo, nie pracuje
  ru: никто, никого, не работает, уволен*
  zh: 查无此人, 查無此人, 查无此, 查無此
  ja: いません, おりません, いない, 退職
  nl: niemand
  sv: ingen med
  cs: nikdo
  hu: senki
  tr: kimse
"""
