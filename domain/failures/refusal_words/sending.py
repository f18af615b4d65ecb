"""What only servers that send say."""

WORDS = """
sending
  en: sending, send, sent, submission, submissions, messages, mails, emails, outgoing, outbound, relay limit, mail
      rate, message rate, daily, hourly, per day, 24 hour
  de: versand, senden, gesendet, nachrichten, versende*
  fr: envoi*, envoye*, messages
  es: envio*, enviad*, mensajes, envios
  pt: envio*, enviad*, mensagens
  it: invio, invii, inviat*, messaggi
  pl: wysyłk*, wysyłan*, wiadomości, wysłan*
  ru: отправк*, отправлен*, сообщени*, писем
  zh: 发送, 发信, 邮件数, 發送
  ja: 送信, 通数
recipient
  en: recipient*, rcpt, addressee*, user, mailbox
  de: empfänger*
  fr: destinataire*
  es: destinatari*
  pt: destinatari*
  it: destinatari*
  pl: odbiorc*
  ru: получател*
  zh: 收件人
  ja: 宛先, 受信者
sender
  en: sender*, from address, from header, mail from, send as, sender identity, envelope from, return path, originator,
      as this sender
  de: absender*
  fr: expediteur*
  es: remitente*
  pt: remetente*
  it: mittente*
  pl: nadawc*
  ru: отправител*
  zh: 发件人, 寄件人, 发信人
  ja: 送信者, 差出人
relay
  en: relay*, relaying, not our customer, relay for
  de: weiterleit*
  fr: relais
  zh: 转发, 中继
spam
  en: spam*, virus*, malware, unsolicited, bulk mail, phishing, blacklist*, black list*, blocklist*, block list*, rbl,
      dnsbl, spamhaus, reputation, dmarc, spf, dkim, policy, policies, content, security issue, attachment*, listed
      in, listed by, blocked using, poor reputation
  de: spam, virus, richtlinie*, anhang
  fr: spam, pourriel, virus, politique, contenu
  es: spam, virus, politica*, contenido
  pt: spam, virus, politica*, conteudo
  it: spam, virus, contenuto
  pl: spam, wirus*, zasad*
  ru: спам*, вирус*, политик*, содержим*
  zh: 垃圾邮件, 病毒, 策略, 附件, 黑名单
  ja: スパム, 迷惑メール, ウイルス, ポリシー, 添付
size
  en: size, too large, too big, too long, exceeds size
  de: größe, zu groß
  fr: taille, trop volumineux, trop gros
  es: tamaño, demasiado grande
  pt: tamanho, muito grande
  it: dimension*, troppo grande
  pl: rozmiar*, za duż*
  ru: размер*, слишком больш*
  zh: 大小, 过大, 太大
  ja: サイズ, 大きすぎ
greylist
  en: greylist*, graylist*, grey list*, gray list*, postgrey, deferred
  de: greylist*, graue liste
  fr: liste grise
  ru: серый список
verified
  en: verified, verify, owned, own, permission*, permitted, authorized, authorised, allowed, match, matches, valid
  de: berechtigt, verifiziert
  fr: autorise*, verifie*
  es: autorizad*, verificad*
  pt: autorizad*, verificad*
  it: autorizzat*, verificat*
  pl: uprawnion*
  ru: подтвержден*, разрешен*
  zh: 匹配, 验证, 允许
  ja: 許可, 認証済み
"""
