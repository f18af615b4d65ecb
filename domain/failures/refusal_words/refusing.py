"""That something is refused, wrong or unknown, and what has ended: what refusals say beside outcomes.py."""

WORDS = """
not
  en: without, neither, none, nor, yet to, could not, failed to, fails to
  de: ohne, noch nicht, konnte nicht, kann nicht, unmöglich
  fr: sans, impossible
  es: sin, imposible
  pt: sem, impossivel
  it: senza, mai, impossibile
  pl: brak, bez
  ru: без, не удалось, невозможно
  zh: 未, 不, 没, 无, 無, 非
  nl: zonder
  sv: utan, ej
  da: uden
  cs: ne, bez
  tr: yok
not_behind
  ja: されていない, ていません, いません, なっていません, ではありません, ではない, じゃない, ではなく
  ko: 못*, 없*
none
  en: no, without, isn t a, not a
  de: kein, keine, keinen, gibt es nicht, es gibt keinen, es gibt kein, es gibt keine
  fr: aucun, aucune, pas de, il n y a pas, il n existe pas, n avons pas de, n avons aucun
  es: ningun, ninguna, no hay, no tenemos, no existe ningun*
  pt: nenhum, nenhuma, nao ha, nao temos, nao existe nenhum*
  it: nessun, nessuna, non c e, non c è, non abbiamo, non esiste alcun*, alcun
  pl: brak, nie ma, nie mamy
  ru: нет, нету, такого нет
  zh: 没有, 無此, 无此, 查无, 查無, 没有该, 没有这
cannot
  en: unable, could not, couldn t, cannot, can not, can t, failed to, fails to, fail to, error opening, error reading,
      not able
      to, no way to, did not manage to
  de: konnte nicht, konnten nicht, kann nicht, können nicht, konnte leider nicht, konnten leider nicht,
      kann derzeit nicht,
      unmöglich
  fr: impossible, ne peut pas, ne peuvent pas, n a pas pu, n ont pas pu, ne peut être, n avons pas pu, pas possible de
  es: no se puede, no se pudo, no pudo, no pudieron, no puede, no ha podido, no se ha podido, no hemos podido,
      no es posible,
      no fue posible, imposible
  pt: nao foi possivel, nao e possivel, nao pode, nao pude*, nao conseguimos, nao consegui*, impossivel
  it: impossibile, non è stato possibile, non è possibile, non può, non possono, non siamo riusciti, non riesc*
  pl: nie można, nie udało się, nie mogliśmy, nie może, nie da się, nie udało nam się
  ru: не удалось, не удается, невозможно, не может, не могу, не смог*, не можем
  zh: 无法, 無法, 不能, 未能
  ja: できません, できない, できなかった
  nl: kon niet, kan niet, kunnen niet, konden niet, niet mogelijk
  sv: kunde inte, kan inte, kan ej, går inte
  da: kunne ikke, kan ikke
  cs: nelze, nemůže, nebylo možné, nepodařilo se
  tr: yapılamıyor, yapılamadı, edilemedi, edilemiyor
  hu: nem sikerült, nem lehet, nem tudtuk
  ko: 할 수 없*, 수 없습니다*
failed
  en: failing, unsuccessful*, error, errors, not successful, did not succeed, not completed, not possible, unable,
      could not, couldn t, cannot, can not, can t, problem, authenticationfailed, authfailed, authfailure,
      loginfailed, loginfailure, did not work out, unsuccesful*
  de: fehler, nicht möglich, nicht erfolgreich, konnte nicht, kann nicht, nicht bestanden
  fr: erreur, impossible, ne peut pas, n a pas pu
  es: error, imposible, no se puede, no se pudo, no se ha podido, incorrecto
  pt: erro, nao foi possivel, impossivel
  it: errore, impossibile, non è stato possibile
  pl: błąd, błędu, błędem, nie można, niemożliw*
  ru: ошибк*, невозможн*, сбой входа, не пройден*
  zh: 错误, 錯誤, 无法, 無法, 不能, 不成功, 未通过, 不通过, 没有通过, 未通過
  ja: エラー, できません, できませんでした, 通りません, 通りませんでした
  nl: fout, fouten, mislukking, lukt niet, niet gelukt, niet geslaagd, inlogfout, aanmeldfout, authenticatiefout
  sv: fel, misslyckande, felet, gick inte, lyckades inte, inloggningsfel, autentiseringsfel
  da: fejl, fejlede, feilet, mislykket*, fejler, gik galt, loginfejl
  cs: chyba, nezdar*, chyb*, se nezdařil*
  tr: hata, hatası, yapılamadı, hatası*, olmadı, gerçekleştirilemedi
  hu: nem sikerült, hiba, meghiúsult, hibája, nem sikerült*, sikertelen*
  ko: 오류*, 실패*, 에러*
denied
  en: deny, declined, forbidden, unauthorized, unauthorised, not authori*, not permitted, not accepted,
      no permission, disallowed, prohibited, not allowed
  de: verweigert, verboten, nicht berechtigt, nicht erlaubt, nicht gestattet, untersagt, nicht akzeptiert,
      nicht angenommen
  fr: interdit*, non autorise*, pas autorise*
  es: prohibid*, no autorizad*, no permitid*
  pt: proibid*, nao autorizad*, nao permitid*
  it: vietat*, non autorizzat*, non consentit*
  pl: zabronion*, brak dostępu, niedozwolon*
  ru: запрещен*, не разреш*
  zh: 禁止, 不允许, 不允許
  ja: 禁止, 許可されていません, 許可がありません
wrong
  en: wrong, incorrect*, invalid*, bad, mismatch*, illegal, erroneous, does not match, do not match, did not match,
      doesn t match, don t match, not match, not matched, not valid, not correct, isn t correct, isn t right,
      not right, aren t right, inaccurate, unacceptable, not the right, not a valid, no match, not the correct,
      do not agree, does not agree, don t agree, no good, do not go together, don t go together, does not go with,
      do not belong together, do not fit, does not fit, do not pair, no longer right, not accepted as valid,
      does not work, doesn t work, did not work, didn t work, incorect*, invallid*, invald, inccorect*, wrog,
      mis match*, mismatched
  de: falsch*, ungültig*, inkorrekt*, nicht korrekt, nicht gültig, fehlerhaft*, stimmt nicht, stimmen nicht, nicht
      richtig, unzutreffend, passt nicht, passen nicht, passt nicht zusammen, passen nicht zusammen, stimmt leider
      nicht, stimmen leider nicht, stimmen nicht überein, passen nicht zueinander, gehören nicht zusammen, gehoeren
      nicht zusammen, nicht das richtige, nicht die richtige*, nicht der richtige, ist nicht richtig, trifft nicht
      zu, funktioniert nicht, funktionieren nicht, stimmt nicht überein
  fr: incorrect*, invalide*, non valide*, errone*, faux, mauvais*, ne correspond*, inexact*, ne convient, ne
      conviennent, ne vont pas ensemble, ne va pas avec, ne concord*, pas le bon, pas la bonne, pas les bons, ne
      sont pas les bons, ne fonctionne pas, erronee*, non reconnue*, pas correct*, pas valide*, pas valable*
  es: incorrect*, invalid*, inválid*, no valido*, no valida, no validas, no es valido, no es valida, no son validos,
      no son validas, erronea*, erroneo*, equivocad*, no coincid*, mal, no correspond*, no concuerd*, no van juntos,
      no casan, no encajan, no concord*, no es la correcta, no es el correcto, errone*, no es la, no es el, no es
      esa, no es ese, no son los, no son las, no era la, no funciona, no funcionan, incorrecta*, no concuerdan, no
      correcta*, no correct*
  pt: incorret*, incorrect*, invalid*, errad*, nao confere*, nao corresponde*, nao coincid*, nao combina*, nao
      batem, nao bate, nao casam, nao conferem, nao e a correta, nao e a, nao e o, nao e essa, nao e esse, nao sao
      os, nao sao as, nao funciona, nao funcionam, incorreta*, incorreto*, nao encontram correspondencia, nao esta
      correta, nao esta correto, nao e valida, nao e valido
  it: errat*, sbagliat*, non valid*, non corrett*, non corrispond*, non coincid*, scorrett*, invalid*, non si
      accord*, non combaci*, non combina*, non vanno insieme, non concord*, non è quella giusta, non è giusta, non
      funziona, non funzionano, non esatt*, non coincidono, non è corretta, non è corretto, non è valida, non è
      valido
  pl: niepraw*, błędn*, zły, złe, zła, niepoprawn*, nie pasuj*, niewłaściw*, nie zgadza*, nie do siebie, nie
      odpowiad*, nie jest właściw*, nie jest poprawn*, nieprawidłow*, niezgodn*, nieważn*, nie jest prawidłow*,
      niepopraw*
  ru: неверн*, неправил*, недействител*, некоррект*, не совпада*, ошибочн*, не вер*, не подход*, не соответств*, не
      тот, не та, не те, не сходят*, не сочетают*, неправильн*, недопустим*, не совпал*, не совпадают, введен
      неверно, введены неверно
  zh: 错误, 錯誤, 不正确, 不正確, 无效, 無效, 有误, 有誤, 不匹配, 不符, 不对, 不合法, 不一致, 对不上, 對不上,
      不对应, 不相符, 不吻合, 有错, 不是正确, 错了, 錯了
  ja: 誤り, 誤って, 間違*, 違います, 違っています, 正しくありません, 正しくない, 無効, 不正, 一致しません,
      一致しない, 合っていません, 異なります, 異なっています, 合いません, 合わない, 違う,
      正しい組み合わせではありません, 正しくな
  nl: onjuist*, verkeerd*, fout, foutief, foute, ongeldig*, klopt niet, kloppen niet, niet juist, niet correct,
      komen niet overeen, passen niet, incorrect*, niet overeen, komt niet overeen, fout ingevoerd, niet geldig,
      onjuiste
  sv: fel, felaktig*, ogiltig*, stämmer inte, inte rätt, stämmer inte överens, matchar inte, passar inte,
      inkorrekt*, är inte giltig*, inte giltig*, inte korrekt*
  da: forkert*, ugyldig*, feil, passer ikke, stemmer ikke, passer ikke sammen, matcher ikke, fejlagtig*, ikke
      korrekt*, ikke gyldig*, stemmer ikke overens, ukorrekt*, feil*
  cs: chybn*, nesprávn*, špatn*, neplatn*, nesouhlas*, není správn*, nesedí, nejsou správn*, neodpovíd*, nejsou
      platn*, není platn*, neshod*
  tr: yanlış*, hatalı*, geçersiz*, uyuşmuyor, eşleşmiyor, doğru değil, uyuşmamakta*, uyuşmuyor*, eşleşmiyor*,
      hatalıdır, geçerli değil*, doğru değil*, yanlıştır
  hu: hibás*, helytelen*, érvénytelen*, rossz, nem megfelelő*, nem egyez*, nem egyezik, nem egyeznek, nem helyes*,
      nem érvényes*, nem megfelel*, nem jó, téves*
  ko: 틀렸*, 틀립*, 틀린*, 잘못*, 올바르지 않*, 일치하지 않*, 맞지 않*, 유효하지 않*, 다릅니다*, 정확하지 않*,
      부정확*, 불일치*, 잘못되*, 잘못된*
correct
  en: correct, right, valid, accurate
  de: korrekt, richtig, gültig
  fr: correct*, valide, valides, valable*, exact*, bon, bonne
  es: correct*, valido, valida, validos, validas, exact*
  pt: corret*, correct*, valido, valida, validos, validas, certa, certo
  it: corrett*, valido, valida, validi, valide, esatt*, giust*
  pl: poprawn*, prawidłow*, właściw*
  ru: верн*, правильн*, корректн*
  zh: 正确, 正確
  ja: 正しい, 正しく
unknown
  en: not registered, never heard of, no account, not a local, don t know, do not know
  de: kennen wir nicht, gibt es hier nicht, nicht geführt, wurde nicht gefunden, nicht auffindbar, konnte nicht
      gefunden werden
  fr: n est pas connu*, ne connaissons pas, n y a pas
  es: no conocemos, no consta
  pt: nao consta, nao conhecemos
  it: non risulta, non conosciamo
  pl: nie ma takiego, nie znamy, nie figuruje, odnalezion*, nie odnalez*, nie został* odnalezion*, nie ma w systemie
  ru: не числит*, не значит*, такого нет
  zh: 查无, 查無, 没有这个, 没有该, 没有这样
  ja: はいません, がいません, おりません, 存在していません, は見つかりません, が見つかりません
  cs: nebyl nalezen, nebyl* nalezen*, nenalezen*, neznám*
  tr: böyle bir, bulunamadı, kayıtlı değil, mevcut değil
  ko: 없는*, 없습니다*, 찾지 못*, 등록되지 않*, 없는
  nl: kan niet worden gevonden, niet teruggevonden, komt niet voor
  sv: hittas inte, inte hittas, kan inte hittas
  da: kunne ikke findes, findes ikke, blev ikke fundet
  hu: nem található, nem ismert
expired
  en: expired, expire, expires, expiry, out of date, too old, aged, must change, must be changed, must be reset, must
      reset, must update, needs to be changed, need to change, change required, change your, change is required,
      should be changed, has to be changed, reset your, reset required, no longer valid, obsolete, outdated, temporary
      password, expiration, overdue, update your
  de: abgelaufen*, muss geändert, ändern sie, ändern, geändert werden, neu setzen, zurücksetzen, nicht mehr gültig,
      nicht länger gültig, ungültig geworden
  fr: expire*, changer, changez, doit etre change, modifier, reinitialis*, perime*, n est plus valable, expiration
  es: caducad*, expirad*, vencid*, cambiar, cambie, debe cambiar, restable*, ya no es valida
  pt: expirad*, expirou, vencid*, trocar, alterar, altere, redefin*, expiraram, vencida, nao e mais valida
  it: scadut*, cambiare, cambia, modificare, reimpost*, è scaduta, sono scadute, non più valid*
  pl: wygasł*, zmienić, zmień, zmiany, zmiana, straciło ważność, przestał* być ważn*, utracił* ważność
  ru: истек*, устарел*, смените, сменить, изменить, измените, просрочен*, срок действия, истёк*
  zh: 过期, 過期, 失效, 修改, 更改, 到期, 逾期
  ja: 期限切れ, 有効期限, 変更, 失効, 期限切れ*, 期限が切れ, 失効し, 有効期限が切れ
  nl: verlopen, is verlopen, vervallen, niet langer geldig
  sv: förfallit, har gått ut, gått ut, utgånget, inte längre giltig*
  da: udløbet, er udløbet, ikke længere gyldig*, utløpt
  cs: vypršel*, skončil*, prošl*
  tr: süresi doldu, süresi dolmuş, süresi geçmiş, zaman aşımına uğra*
  hu: lejárt*, elavult*
  ko: 만료*, 유효 기간이 만료*, 유효기간*
suspended
  en: suspend*, deactivat*, inactive, inactivated, closed, terminated, barred, frozen, cancel*, locked out, expired,
      revoked, on hold, not active, not activated, not enabled, no longer active, not in service, delinquent,
      unpaid, overdue, banned, retired, administratively, dormant, blacklisted, quarantined, lapsed, disabled,
      deleted, withdrawn, stopped, stop, non payment, nonpayment, in arrears, on vacation stop, mothballed,
      put to sleep, switched off, shut down, discontinued, withheld, decommissioned, archived, no longer served,
      no longer accept*, accepts no logins, marked for deletion, scheduled for deletion, to be deleted, ended, shut
  de: gesperrt*, deaktiviert*, stillgelegt, geschlossen, gekündigt, gelöscht, eingefroren, abgelaufen, inaktiv*,
      nicht aktiv, nicht aktiviert, blockiert*, aufgelöst, abgeschaltet, entzogen, stillgelegt*, eingestellt,
      zahlungsverzug, archiviert, ruhend, ruht, abgelaufen*, verfallen, deaktiviert
  fr: suspend*, desactiv*, bloque, bloquee, verrouille*, ferme, fermee, resilie*, supprime*, inactif, expire,
      clotur*, non active, gele, en sommeil, en veille, impaye*, archive, retire, arrete, radie, non activ*, pas
      activ*, expire*, desactive*
  es: suspendid*, desactivad*, deshabilitad*, bloquead*, cerrad*, cancelad*, eliminad*, inactiva, inactivo, caducad*,
      expirad*, dado de baja, dada de baja, congelad*, no esta activa, impag*, archivad*, retirad*, en pausa,
      no activad*
  pt: suspens*, desativad*, desabilitad*, bloquead*, fechad*, encerrad*, cancelad*, excluid*, inativa, inativo,
      expirad*, congelad*, nao esta ativa, inadimpl*, arquivad*, retirad*, em pausa, nao ativad*, expirou, trancad*
  it: sospes*, disattivat*, disabilitat*, bloccat*, chius*, cancellat*, inattiva, inattivo, scadut*, non attiv*,
      congelat*, dismess*, disdett*, archiviat*, ritirat*, moros*, in pausa, non attivat*
  pl: zawieszon*, wyłączon*, zablokowan*, zamknięt*, usunięt*, nieaktywn*, wygasł*, dezaktywowan*, zarchiwizowan*,
      wycofan*, uśpion*, nieopłacon*, nie aktywowan*, nieaktywowan*
  ru: заблокир*, отключен*, приостановлен*, закрыт*, удален*, деактивир*, неактив*, замороже*, истек*, не
      активирован*, не активен, архив*, за неуплат*, прекращен*
  zh: 冻结, 凍結, 停用, 禁用, 封禁, 封停, 锁定, 鎖定, 被锁, 过期, 注销, 已停, 未激活, 欠费, 被封, 已注销, 停机, 停機,
      已停用, 关停, 暂停使用, 失效, 已失效, 鎖住, 被锁定, 已锁定, 凍结, 被禁用, 已禁用, 停權, 未启用, 已过期, 已過期
  ja: 停止, 凍結, 無効, 解約, 削除, 期限切れ, 休止, 利用停止, 退会, 閉鎖, 失効, 期限が切れ, 有効ではありません,
      無効になって, 停止されて, 凍結されて, 有効期限が切れ, 失効し
  nl: geblokkeerd, opgeschort, uitgeschakeld, gesloten, opgezegd, verlopen, vergrendeld*, gedeactiveerd, inactief,
      niet actief, nog niet geactiveerd, buiten gebruik, op slot, is verlopen
  sv: spärrat, spärrad, avstängt, avstängd, stängt, förfallit, har gått ut, låst, är låst, låsts, inaktivera*,
      inaktivt, inte aktiverat, avstäng*, avslutat
  da: spærret, lukket, deaktiveret, udløbet, låst, er låst, deaktivere*, inaktiv, ikke aktiv, ikke aktiveret,
      spærre*, suspendere*, er udløbet
  cs: zablokován*, zrušen*, pozastaven*, uzavřen*, vypršel*, skončil*, uzamčen*, zamčen*, není aktivní,
      deaktivován*, neaktivní, nebyl aktivován, zakázán*, zamknut*
  tr: askıya alın*, kapatıl*, devre dışı, süresi doldu, kilitlendi, kilitli*, kilitlen*, etkin değil*, pasif,
      engellen*, aktif değil*, etkinleştirilme*, aktifleştirilmemiş, etkinleştirilmemiş
  hu: felfüggeszt*, letilt*, zárolt, megszüntet*, lejárt, zárolva, zárolt*, zárolás*, inaktív*, nem aktív*,
      letiltott, letiltva, nincs aktiválva
  ko: 정지*, 차단*, 해지*, 중지된*, 만료*, 잠겼*, 잠겨*, 잠긴*, 비활성*, 활성화되지 않*, 사용 중지*, 정지된*, 잠금*,
      활성화 되지 않*
barred
  de: gesperrt*, sperre*
  fr: verrouill*
  es: bloquead*, bloqueo
  pt: bloquead*, travad*
  it: bloccat*
  pl: zablokowan*, blokad*
  ru: заблокир*, блокир*
  zh: 锁定, 鎖定, 被锁
  ja: ロック
  en: locked, blocked
blocked
  en: blocked
  zh: 被封锁
error
  en: error, errors, problem, problems
  de: fehler, problem, benutzerfehler, anmeldefehler, authentifizierungsfehler
  fr: erreur, erreurs, probleme*
  es: error, errores, problema*
  pt: erro, erros, problema*
  it: errore, errori, problem*
  pl: błąd, błędu, problem*
  ru: ошибк*, сбой, проблем*
  zh: 错误, 錯誤, 出错, 问题
  ja: エラー, 問題
yet
  en: yet, will be created, being created, to be created, was not created, has not been created, is created
  de: noch nicht, noch kein, wird angelegt, angelegt, wird erstellt
  fr: pas encore, sera cree*
  es: todavia no, aun no, se creara
  pt: ainda nao, sera criad*
  it: non ancora, ancora non, sara creat*, non è ancora, non è stato ancora, non è stata ancora
  pl: jeszcze nie, zostanie utworzon*
  ru: еще не, пока не, будет создан*
  zh: 尚未, 还未, 还没, 還沒, 将创建
  ja: まだ, 作成されます
or
  en: or
  de: oder
  fr: ou
  es: o
  pt: ou
  it: o, oppure
  pl: lub, albo
  ru: или, либо
  zh: 或, 或者
  ja: または, あるいは, もしくは
  nl: of
  sv: eller
  da: eller
  cs: nebo
  tr: veya, ya da
  hu: vagy
  ko: 또는*
unused
  en: unused for, not used for, no login for, not logged in for, inactive since, inactive for more,
      inactive for over
  de: nicht benutzt seit, inaktiv seit
  fr: inactif depuis, inutilise depuis
  es: inactiva desde, inactiva durante, sin uso desde
  pt: inativa ha, sem uso ha
  it: inattivo da, inutilizzato da
  pl: nieaktywne od, nieużywane od
  ru: неактивен более, не использовался
  zh: 长期未登录, 長期未登入, 长期未使用
  ja: 長期間利用, 長期間使用
protection
  en: for your protection, for your safety, for your own safety, to protect you, to protect your
  de: zu ihrem schutz, zu ihrer sicherheit
  fr: pour votre protection, pour votre securite
  es: para su proteccion
  pt: para sua protecao, para sua seguranca
  it: per la sua protezione, per la tua sicurezza
  pl: dla twojej ochrony, dla bezpieczeństwa konta
  ru: для вашей защиты, для вашей безопасности
  zh: 为保护您, 為保護您, 为了您的安全
  ja: 保護のため, 安全のため
given
  en: given, specified, supplied, provided, entered, sent, presented, received, submitted
  de: angegeben, eingegeben, übergeben, übermittelt
  fr: fourni*, saisi*, indique*, renseigne*
  es: proporcionad*, introducid*, indicad*, especificad*, ingresad*
  pt: fornecid*, informad*, indicad*, especificad*, digitad*
  it: fornit*, inserit*, indicat*, specificat*
  pl: podan*, podał*, wpisan*, określon*
  ru: указан*, введен*, передан*
  zh: 输入, 填写, 提供
  ja: 入力
missing
  en: missing, empty, blank, not given, must supply, must specify, must give, must be given, must be supplied,
      cannot be empty, can t be empty, must not be empty, may not be empty, expected
  de: fehlt, fehlen, ist leer, leeres, fehlend*, erwartet
  fr: manquant*, manque, vide, vides, attendu*
  es: falta, faltan, vacio*, vacia*, en blanco, ausente*
  pt: falta, faltando, ausente*, vazi*, em branco
  it: manca, mancano, mancant*, vuot*, assent*
  pl: brakuje, pust*
  ru: пуст*, отсутству*
  zh: 不能为空, 為空, 为空, 缺少, 未输入, 未輸入, 未填, 不能為空, 没有输入
  ja: 未入力, 空です, 入力されていません, 指定されていません, ありませんでした
cancelled
  en: cancel*, aborted, abandoned
  de: abgebrochen*, abbruch
  fr: annule*, interrompu*
  es: cancelad*, interrumpid*, abortad*
  pt: cancelad*, interrompid*, abortad*
  it: annullat*, interrott*
  pl: anulowan*, przerwan*
  ru: отменен*, прерван*
  zh: 取消, 中断, 中止
  ja: 中断, 中止, キャンセル
prohibited
  en: not permitted, not allowed, forbidden, prohibited, disallowed
  de: nicht erlaubt, nicht gestattet, verboten, untersagt
  fr: interdit*, non autorise*, pas autorise*
  es: prohibid*, no permitid*, no autorizad*
  pt: proibid*, nao permitid*
  it: vietat*, non consentit*, non autorizzat*, non è autorizzat*
  pl: zabronion*, niedozwolon*
  ru: запрещен*, не разреш*
  zh: 禁止, 不允许, 不允許
  ja: 禁止, 許可されていません
  nl: niet toegestaan, verboden
  sv: inte tillåt*, förbjud*, otillåt*
  da: ikke tilladt*, forbudt
  cs: není povolen*, nepovolen*, zakázán*
  tr: izin verilm*, yasak*
  hu: nem engedélyezett*, tiltott*
  ko: 허용되지 않*, 금지*
before
  en: before your, before the account, before it is, before you are
  de: bevor
  fr: avant que
  es: antes de que, antes que
  pt: antes de sua, antes de seu, antes que, antes da, antes do
  it: prima che
  pl: nim, zanim
  ru: до блокировки, перед блокировкой, прежде чем
  zh: 再次失败, 再次錯誤, 再错, 之前
  ja: もう一回, もう一度誤, あと一回, 前に
  nl: voordat, voor uw
  sv: innan
  da: inden, før din, før kontoen, før deres
  cs: než
  tr: önce
  hu: mielőtt
  ko: 전에
"""
