"""What becomes of a thing, in the languages of mail systems: that it does not, fails, is refused, is unknown, is delivered.

The one table of these words: refused logins are read with `SHARED`, and all of it is searched in notices of undelivered mail
(domain/bounces/outcome_patterns.py). A row for each concept and language; to teach a language is to write a row of each. What a
reader needs besides stands with that reader: English grammar in domain/bounces/notice_words.py, what only servers of POP say in
domain/failures/refusal_words/refusing.py. Written as the other words are, with accents; `*` before a word: also inside others.
"""

SHARED = """
not
  en: not, no, non, never, cannot, can not, can t, isn t, aren t, wasn t, weren t, hasn t, haven t, hadn t, don t,
      doesn t, didn t, won t, wouldn t, couldn t, unable
  de: nicht, nichts, kein, keine, keinen, keiner, keinem
  fr: pas, non, ne, n, aucun, aucune, jamais
  es: no, ningún*, ninguna*, nunca
  pt: não, nenhum*, nunca
  it: non, nessun*
  nl: niet, geen
  sv: inte, inget, ingen
  da: ikke, ingen, intet
  no: ikkje, ikke
  fi: ei, eivät, eivat
  pl: nie
  cs: nelze, nebyl*, není, nepodař*
  sk: nebol*, nemožno, nepodar*
  hu: nem, nincs
  tr: değil
  ru: не, нет, ни
  uk: не, немає, ні
  bg: не, няма
  ro: nu, nicio
  el: δεν
  hr: nije, nisu, nisam
  sl: ni, niso
  lt: nepavyko
  lv: nav, nevar
  id: tidak
  vi: không
  zh: 没有, 沒有, 无法, 無法, 不能, 未能, 没能, 沒能
  et: ei, pole
  ca: no
  sr: није, нису, не
  az: deyil
  ar: لم, لا, لن, غير
  he: לא, אין
  th: ไม่
  fa: نشد, نیست
  hi: *नहीं*
not_behind
  ja: ません, ない, なかった
  ko: 않*, 못하*, 못했*, 없는*, 없습*, 없었*, 없다*
failed
  en: fail, fails, failed, failure*
  de: fehlgeschlagen*, gescheitert*, misslungen, fehlschlug
  fr: échec, échou*
  es: fallo, falló, fallid*, fallado, fracas*
  pt: falhou, falha, falhada, mal sucedid*
  it: fallit*, fallimento, non riuscit*
  nl: mislukt*, gefaald
  sv: misslyck*
  da: mislyk*
  fi: epäonnist*
  pl: nie powiod*, nie udał*, nieudan*, niepowodzeni*
  cs: selhal*, nezdařil*, neúspěšn*, nepodařil*
  sk: zlyhal*, nepodar*
  hu: sikertelen*
  tr: başarısız*
  ru: не удал*, не удается, неудач*, неуспе*
  uk: не вдал*, невдал*
  bg: неуспе*
  ro: eșuat*, eşuat*
  el: απέτυχε, αποτυχ*
  hr: neuspje*, neuspe*
  sl: neuspe*, spodlet*
  lt: nepavyk*
  lv: neizdev*
  et: ebaõnnestu*
  id: gagal
  vi: thất bại
  zh: 失败, 失敗, 出错, 出錯
  ja: 失敗
  ko: 실패*
  no: mislyk*, feilet
  ca: fallat, fallid*
  sr: неуспе*
  az: uğursuz*
  ar: فشل*
  he: נכשל*
  th: ล้มเหลว
  fa: ناموفق*, شکست
  hi: *विफल*, *असफल*
denied
  en: denied, refus*, reject*
  de: abgelehnt, abgewiesen, zurückgewiesen
  fr: refusé*, refuse*, rejeté*, rejete*
  es: rechazad*, denegad*
  pt: recusad*, rejeitad*, negad*
  it: respint*, rifiutat*, negat*
  nl: geweigerd*, afgewezen
  sv: avvisa*, nekad*
  da: afvist*, nægtet*
  no: avvist*
  fi: hylätt*, hylät*
  pl: odrzuc*, odmow*, odmów*
  cs: odmít*, zamít*
  sk: odmiet*, zamiet*
  hu: elutasít*, megtagad*
  tr: reddedil*
  ru: отклон*, отказ*
  uk: відхил*, відмов*
  bg: отхвърл*, отказ*
  ro: respins*, refuz*
  el: απορρίφθηκε
  hr: odbijen*
  sl: zavrnjen*
  lt: atmest*
  lv: noraidīt*
  et: keeldu*, tagasi lükat*
  id: ditolak
  vi: từ chối
  zh: 拒绝, 拒絕, 被拒
  ja: 拒否
  ko: 거부*, 거절*
  ca: rebutja*, denega*
  sr: одбијен*
  az: rədd*
  ar: رفض*, مرفوض*
  he: נדחה*, נדחת*
  th: ปฏิเสธ
  fa: رد شد
  hi: *अस्वीकार*
unknown
  en: unknown, no such, not found, not exist, does not exist, doesn t exist, nonexist*, non exist*, not known,
      not recogni*, unrecogni*, not listed, no longer exists, not present, cannot find, can t find, could not find,
      unable to find, couldn t find, isn t known, aren t known, isn t recogni*, wasn t recogni*
  de: unbekannt*, existiert nicht, nicht gefunden, nicht vorhanden, nicht bekannt, existieren nicht, gibt es nicht,
      kein solch*, nicht erkannt, nicht anerkannt
  fr: inconnu*, n existe pas, n a pas été trouvé*, introuvable*, inexistant*, pas connu*, pas reconnu*, non reconnu*
  es: desconocid*, no existe, no encontrad*, no se encuentra, no se encontró, no fue encontrad*,
      no ha sido encontrad*, inexistente*, no reconocid*, no se reconoce*
  pt: desconhecid*, não existe, não encontrad*, não foi encontrad*, não foi localizad*, inexistente*,
      não reconhecid*, não foi reconhecid*, não foram reconhecid*
  it: sconosciut*, non esiste, inesistent*, non trovat*, non è stato trovato, non è stata trovata, non riconosciut*
  nl: onbekend*, bestaat niet, niet gevonden, niet bekend, bestaat hier niet
  sv: okänd*, finns inte, existerar inte, hittades inte, kunde inte hittas
  da: ukendt*, findes ikke, ikke fundet
  no: ukjent*, finnes ikke, ikke funnet
  fi: tuntemat*, ei löydy, ei ole olemassa
  pl: nie istnieje, nieznan*, nie znalezion*, nie został* znalezion*, nieistniejąc*, nie rozpoznan*, nierozpoznan*
  cs: neexistuj*, neznám*, nenalezen*, nebyl* nalezen*
  sk: neexistuj*, neznám*, nenájden*, nebol* nájden*
  hu: nem létez*, ismeretlen*, nem található
  tr: bulunamad*, bulunmuyor, mevcut değil, bilinmeyen, bilinmiyor
  ru: не найден*, не был найден, не была найдена, не существует, неизвестн*, не зарегистрирован*, несуществ*,
      не опознан*, не распознан*
  uk: не знайден*, не існує, невідом*
  bg: не съществува, не е намерен*, неизвест*, непознат*
  ro: necunoscut*, nu există, inexistent*
  el: άγνωστ*, δεν υπάρχει, δεν βρέθηκε
  hr: nepoznat*, ne postoji, nije pronađen*
  sl: neznan*, ne obstaja, ni najden*
  lt: nežinom*, neegzistuoja, nerast*
  lv: nezinām*, neeksistē, nav atrast*
  et: tundmatu*, ei leitud, pole olemas
  id: tidak dikenal, tidak ditemukan
  vi: không tồn tại, không tìm thấy
  zh: 不存在, 未找到, 找不到, 未知, 没有此, 未注册, 没有找到, 无法识别, 不识别
  ja: 存在しません, 存在しない, 見つかりません, 不明, 登録されていません, 認識できません, 認識されません
  ko: 존재하지 않*, 찾을 수 없*, 알 수 없*
  ca: desconegu*, no existeix, no trobat*
  sr: непознат*, не постоји
  az: naməlum*, tapılmadı, mövcud deyil
  ar: غير معروف*, غير موجود*, لا يوجد
  he: לא קיים*, לא נמצא*, לא ידוע*
  th: ไม่พบ, ไม่มีอยู่
  fa: ناشناخته*, وجود ندارد, یافت نشد
  hi: *अज्ञात*, *मौजूद नहीं*, *नहीं मिला*
"""

OF_MAIL = """
returned
  en: returned, bounced
  de: zurückgeschickt, zurückgekommen
  fr: retourné*, renvoyé*
  es: devuelt*
  pt: devolvid*
  it: restituit*
  nl: teruggestuurd
  sv: returnera*
  da: returner*
  fi: palautet*
  pl: zwrócon*
  cs: vrácen*, vrátil*
  sk: vráten*, vrátil*
  hu: visszaküld*
  tr: iade edil*, *geri dön*
  ru: возвращ*
  uk: поверн*
  bg: върнат*
  ro: returnat*
  el: επιστράφηκε
  hr: vraćen*
  sl: vrnjen*
  lt: grąžint*
  lv: atgriezt*
  et: tagastat*
  id: dikembalikan
  vi: trả lại
  zh: 退信, 退回, 被退
  ja: 返送
  ko: 반송*
  no: returner*
  ca: retornat*
  sr: враћен*
  az: geri qayt*
  ar: أعيد*, ارتد*
  he: הוחזר*
  th: ตีกลับ, ส่งคืน
  fa: برگشت*
  hi: *लौटा*
deliver
  en: *deliver*, sent, send, hand over, handed over, pass on, passed on
  de: *zustell*, *zugestellt*, *ausgeliefert*, *übermittel*
  fr: *remis, *remettre*, *distribu*, *livr*, *achemin*, *délivr*
  es: *entreg*, *enviad*, *enviar*
  pt: *entreg*, *enviad*, *enviar*
  it: *consegn*, *recapit*, *inoltr*
  nl: *bezorg*, *afgelever*, *aflever*, *verzonden*
  sv: *lever*
  da: *lever*
  fi: *toimit*, *välit*
  pl: *dostarcz*, *doręcz*
  cs: *doruč*, *odesl*
  sk: *doruč*, *odosl*
  hu: *kézbesít*, *továbbít*, *elküld*
  tr: *teslim*, *ilet*, *gönder*
  ru: *достав*, *отправ*, *передан*
  uk: *достав*, *надісл*, *передан*
  bg: *достав*, *предаден*, *изпрат*
  ro: *livr*, *expedi*, *transmis*
  el: *παραδ*, *παράδ*, *αποστ*
  hr: *isporuč*, *dostav*
  sl: *dostav*, *isporoč*
  lt: *pristatyt*, *išsiųst*
  lv: *piegād*, *nosūt*
  et: *toimetat*, *edastat*
  id: *dikirim*, *terkirim*
  vi: *gửi*
  ca: *lliur*
  zh: 投递, 投遞, 送达, 送達
  ja: 配信, 届け, 配送, 送達
  ko: 배달, 전달, 전송
  no: *lever*
  sr: *испоруч*, *достав*
  az: *çatdır*, *göndər*
  ar: *تسليم*, *إرسال*
  he: *נמסר*, *נשלח*
  th: ส่ง
  fa: *تحویل*, *ارسال*
  hi: *वितरित*, *भेज*
receive
  en: get, got, *reach*, *arriv*, *accept*, *receiv*
  de: *zugegangen*, *angekommen*, *erreich*, *erhalten*
  fr: *reçu*, *parven*
  es: *recib*
  pt: *receb*
  it: *ricev*, *ricevut*
  nl: *ontvang*
  sv: fått*, *mottag*, *nådde*, *framme*
  da: fik, *modtag*
  fi: *saanut*, *perill*
  pl: *otrzym*
  cs: *obdrž*, *dostal*
  sk: *dostal*, *prijat*
  hu: kapta*
  tr: *ulaş*
  ru: *получ*
  uk: *отрим*
  bg: *получ*
  ro: *primi*
  el: *έλαβ*, *λήφθηκ*
  hr: *primil*, *primljen*
  sl: *prejel*, *prejet*
  lt: *gavo*, *gaut*
  lv: *saņēm*, *saņemt*
  et: *saanud*, *kätte*
  id: *menerima*, *diterima*
  vi: *nhận*
  no: fikk, *mottat*
  ca: *rebut*
  sr: *примљен*, *прими*
  az: *qəbul*
  ar: *استل*, *وصل*
  he: *הגיע*, *התקבל*
  th: ได้รับ
  fa: *دریافت*
  hi: *पहुँच*, *प्राप्त*
  zh: 收到, 接收
  ja: 受信, 受け取
  ko: 받, 수신
exist
  en: exist*, known, found, find, valid
  de: *gültig*, *gibt es*, *bekannt*, *gefunden*, *vorhanden*
  fr: *existe*, *trouv*, *connu*, *conna*, valide
  es: *encontr*, *conocid*, *existe*, *válid*
  pt: *encontr*, *conhecid*, *existe*, *válid*
  it: *esist*, *trovat*, *conosciut*, *valid*
  nl: *bestaa*, *gevonden*, *bekend*
  sv: *finns*, *hittad*, *känn*
  da: *findes*, *fundet*, *kendt*
  no: *finnes*, *funnet*, *kjent*
  fi: *löydy*, *löyty*
  pl: *istniej*, *znalezion*, *znan*
  cs: *nalez*, *znám*
  sk: *nájden*, *znám*
  hu: *ismert*, *talál*, *létez*
  tr: *bulun*, *mevcut*
  ru: *существ*, *найден*, *известн*
  uk: *знайд*, *існу*, *відом*
  bg: *намер*, *съществ*
  ro: *găsit*, *există*
  el: *υπάρχ*, *βρέθη*
  hr: *postoj*, *pronađ*, *poznat*
  sl: *najden*, *obstaj*
  lt: *egzist*, *rast*
  lv: *atrasts*
  et: *olemas*, *leitud*
  id: *ditemukan*, *dikenal*
  vi: *tồn tại*, *tìm thấy*
  ca: *trobat*, *existeix*
  sr: *постој*, *пронађ*
  az: *tapıl*, *mövcud*
  ar: *موجود*, *معروف*
  he: *קיים*, *נמצא*
  th: พบ, มีอยู่
  fa: *وجود*, *یافت*
  hi: *मौजूद*
  zh: 存在, 找到
  ja: 存在, 見つか
  ko: 존재, 찾
arrived
  en: delivered, reached, arrived, accepted, relayed, received, expanded, landed, success*, succeeded
  de: zugestellt, angekommen, ausgeliefert, zugegangen, übermittelt, angenommen, erreicht, erhalten, bekommen,
      eingetroffen, übergeben, erfolgreich, empfangen, erhielt, erhielten, bekam, bekamen, erreichte, geklappt,
      gelungen, weitergeleitet
  fr: remis, remise, remises, délivré, délivrée, délivrés, délivrées, livré, livrée, livrés, livrées, distribué,
      distribuée, distribués, distribuées, acheminé, acheminée, acheminés, acheminées, parvenu, parvenue, parvenus,
      parvenues, arrivé, arrivée, arrivés, arrivées, reçu, reçue, reçus, reçues, accepté, acceptée, acceptés,
      acceptées, transmis, transmise, transmises, a été envoyé, a été envoyée, bien envoyé, bien envoyée,
      bien été envoyé, bien été envoyée, correctement envoyé, correctement envoyée, a bien, avec succès, réussi,
      réussie
  es: entregado, entregada, entregados, entregadas, entregó, llegó, llegado, llegaron, recibió, recibido, recibieron,
      recibida, aceptado, aceptada, aceptados, aceptadas, aceptó, alcanzó, éxito, correctamente, fue enviado,
      fue enviada, sido enviado, sido enviada, se ha enviado, se ha enviada, se envió
  pt: entregue, entregues, chegou, chegaram, chegado, recebeu, receberam, recebido, recebida, aceito, aceita, aceite,
      aceitos, aceitas, aceites, sucesso, foi enviado, foi enviada
  it: consegnato, consegnata, consegnati, consegnate, recapitato, recapitata, recapitati, recapitate, arrivato,
      arrivata, arrivati, arrivate, ricevuto, ricevuta, ricevuti, ricevute, accettato, accettata, accettati,
      accettate, inoltrato, inoltrata, inoltrati, inoltrate, raggiunto, raggiunta, raggiunti, raggiunte, giunto,
      giunta, giunti, giunte, successo, correttamente, è stato inviato, è stata inviata
  nl: bezorgd, afgeleverd, ontvangen, aangekomen, bereikt, geaccepteerd, geslaagd, gelukt
  sv: levererad, levererade, levererades, levererat, levererats, mottagit, mottagt, mottogs, nådde, framme, kom fram
  da: leveret, modtaget
  no: levert, mottatt
  fi: toimitettu, toimitettiin, perille, saapui
  pl: dostarczono*, dostarczona*, dostarczony*, dostarczone*, dostarczyliśmy, doręczono*, doręczona*, doręczony*,
      doręczone*, dotarł, dotarła, dotarło, dotarły, otrzymał, otrzymała, otrzymało, otrzymali, otrzymały, przyjęta,
      przyjęto, przyjęte, przyjęty, odebrał, odebrała, odebrało, odebrano, pomyślnie, powodzeniem, została wysłana,
      zostało wysłano
  cs: doručen, doručena, doručeno, obdržel, obdržela, obdrželi, přijat, přijata, přijato, úspěšně, doručil, doručila,
      doručili
  sk: doručená, doručené, doručený, úspešne
  hu: kézbesítettük, kézbesítve, megkapta, megérkezett, sikeresen, sikerült
  tr: teslim edildi, ulaştı, ulaşmış, başarıyla, alındı, iletildi
  ru: доставлен, доставлено, доставлена, доставлены, получен, получено, получена, получены, получил, получила,
      получили, принят, принято, принята, приняты, принял, приняла, приняли, дошло, дошла, дошли, дошёл, пришло,
      пришла, пришли, вручен, вручено, вручена, вручены, успешно, передан, передано, передана, переданы,
      было отправлено
  uk: доставлено, доставлений, отримано, отримав, отримала, успішно
  bg: доставено, доставен, получено, получен, успешно
  ro: livrat, livrată, primit, primită, cu succes
  el: παραδόθηκε, ελήφθη, επιτυχώς
  hr: isporučeno, isporučena, dostavljeno, dostavljena, primljeno, uspješno
  sl: dostavljeno, dostavljena, prejeto, uspešno
  lt: pristatytas, pristatyta, gautas, sėkmingai
  lv: piegādāts, piegādāta, saņemts, veiksmīgi
  et: kohale toimetatud, kätte saadud, edukalt
  id: terkirim, berhasil, telah diterima
  vi: đã gửi, đã nhận, thành công
  zh: 送达, 投递成功, 投遞成功, 成功, 收到, 收取, 已投递, 已投遞, 已发送, 已發送, 已接收, 已接受, 到达, 到達, 抵达
  ja: 送達され, 送達しま, 送達済, 送達完, 成功, 到達, 届きました, 届いて, 届いた, 届き、, 配信されました, 配信され、,
      配信済, 配信完了, 配信しました, 配信成功, 配信いたしました, 配信できました, 配信できた, 受信済, 受信しました,
      受信され, 受け取り, 受け取っ, 受領, 受け付けられ, 受け付けました, 受理, 正常に
  ko: 전달되었, 전달됨, 전달했, 전달됐, 배달되었, 배달됨, 배달했, 배달됐, 전송되었, 전송됨, 전송했, 전송됐, 수신했,
      수신함, 수신완료, 받았, 도착, 성공
  ca: lliurat, lliurada, lliurats, rebut
  sr: испоручена, испоручено, испоручен, достављена, достављено, примљена
  az: çatdırıldı, göndərildi, qəbul edildi
  ar: تم التسليم, تم تسليم*, وصلت, تم الإرسال
  he: נמסרה, התקבלה, הגיעה
  th: ส่งสำเร็จ, ได้รับแล้ว
  fa: تحویل شد, ارسال شد, دریافت شد
  hi: *वितरित किया गया*, *पहुँच गया*, *प्राप्त हुआ*, *भेज दिया*
error
  de: fehler
  fr: erreur, impossible
  es: error, fallo, problema
  pt: erro, falha, problema
  it: errore, impossibile, problema
  nl: fout, probleem
  sv: fel
  da: fejl
  no: feil
  pl: błąd, niemożliw*
  cs: chyba
  sk: chyba
  hu: hiba
  tr: hata
  ru: ошибк*, невозможн*, сбой
  uk: помилк*, неможлив*
  bg: грешк*
  ro: eroare, imposibil
  hr: greška, pogreška
  sl: napaka
undelivered
  en: *undeliver*, *nondeliver*, *non deliver*
  de: *unzustellbar*, *nicht zugestellt*, *nicht gestellt*, *nicht ausgeliefert*, *nicht übermittelt*,
      *nicht zustellbar*, *nicht weitergeleitet*, *nicht erreicht*, *zustellfehler*, *zustellungsfehler*,
      *zustellungsproblem*
  fr: *non remis*, *non délivr*, *non distribu*, *échec*, *echec*
  es: *no entreg*, *entrega fallida*, *entrega no*, *fallo en la entrega*, mensaje devuelto, mensaje rechazado,
      correo devuelto, correo rechazado, mensaje fue devuelto, mensaje fue rechazado, correo fue devuelto
  pt: *devolvid*, *falha na entrega*, *falha de entrega*
  it: *mancata consegn*, *mancato recapit*, *impossibile recapit*, *impossibile consegn*
  nl: *onbestelbaar*
  sv: *olevere*
  da: *uleverer*
  fi: *toimittamat*
  pl: *niedostarcz*
  cs: *nedoruč*, *nelze doruč*
  sk: *nedoruč*
  hu: *kézbesít*
  tr: *teslim edilem*, *iletilemedi*, *ulaştırılamad*, *gönderilemed*, *edilemed*, *bulunamad*, *bulunmuyor*,
      *geri dön*
  az: *edilmed*
  ru: *недостав*, *не удалось*
  uk: *недостав*
  el: *αδύνατη*
  ro: *nelivr*, *nu a putut fi livrat*
  lt: *nepristaty*, *nepavyko*
  lv: *neizdev*, *netika piegād*, *nav piegād*
  et: *ei õnnestu*, *ebaõnnestu*
  sr: *није испоруч*
  hr: *nije isporuč*
  zh: 退信, 退回, 退件, 投递, 投遞, 无法, 無法, 未能, 未送达, 未送達, 未传递, 未傳遞, 传递失败, 傳遞失敗, 发送失败,
      發送失敗, 送达, 失败, 失敗, 拒收, 拒绝, 拒絕, 被拒
  ja: 送達でき, 配信, 届け, 配送, 送信でき, 送信エラー, エラー, 未達, 送れません, 返送, 宛先
  ko: 배달, 전달되지, 전송 실패, 전송실패, 반송, 보내지 못, 수신자
  ar: *لم يتم*, *لم تصل*, *لم تُ*, *تعذر*, *تعذّر*, *فشل*, *لا يمكن*
  fa: *تحویل نشد*, *ناموفق*
  he: *לא נמסר*, *לא הגיע*, *לא ניתן*, *נכשל*, *הוחזר*
  th: *ไม่สามารถ*, *ล้มเหลว*, *ส่งไม่*, *ไม่พบ*
  hi: *विफल*, *नहीं पहुँ*, *वितरित नहीं*
"""
