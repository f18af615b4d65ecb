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

filler
  en: a, an, the, that, to, for, of, at, by, from, with, in, on, is, was, are, has, have, been, be, this, that, you,
      your, our, we, it, its, and, or, as, please, sorry, because, since, reason, unknown reason, due, err, pop,
      pop3, mail, email, e mail, support, help, administrator, admin, helpdesk, see, visit, check, verify, more,
      information, details, info, for more, id, code, ref, reference, urllink, pass, apop, client, again, correct,
      correctly, request, requested, attempt, attempts, name, during, attempts left, attempt left, remaining, who,
      you are, say, clocktime, smtp, reason unavailable, data, email address, e mail address, mail address,
      permanent*, using, yes, seem, seems, appear, appears, looks, sure, make sure, full, supplied, given, entered,
      provided, specified, typed, either, both, combination, pair, s, on file, our records, your records, were,
      sent, used, submitted, presented, received, restarting authentication process, been, these, those, there,
      oops, dear, caps lock, case sensitive, exactly, fully, but, once, more, one, carefully, retype, reenter,
      re enter, re type, once again, kindly, typing, spelling, sorry but, thank you, unfortunately, hello
  de: dieser, diese, dieses, diesen, solche*, der, die, das, den, dem, des, ein, eine, einer, für, fur, von, bei,
      mit, im, in, am, an, zu, zum, zur, ist, war, wurde, sie, ihr, ihre, ihren, bitte, wir, und, oder, weil, grund,
      hilfe, wenden, e mail adresse, leider, siehe, prüfen, überprüfen, auf, dem, clocktime, uhr, geben, eingeben,
      eingegeben*, angegeben*, kombination, dass, haben, sind, worden, erneut, nochmal, bedauerlicherweise
  fr: ce, cet, cette, ces, tel, telle, le, la, les, l, de, du, des, d, un, une, pour, par, avec, en, est, a,
      votre, vos, vous, nous, et, ou, svp,
      s il vous plait, veuillez, verifier, verifiez, aide, a la, au, aux, sur, saisi*, entre, fourni*, indique,
      combinaison, que, sont
  es: este, esta, ese, esa, tal, el, la, los, las, de, del, al, un, una, para, por, con, en, es, su, sus, y, o,
      favor, verifique, compruebe, ayuda, se, ha, introducid*, ingresad*, ingreso, proporcionad*, indicad*,
      combinacion, que, son
  pt: este, esta, esse, essa, tal, o, a, os, as, de, do, da, dos, das, um, uma, para, por, com, em, seu, sua,
      e, ou, favor, verifique,
      ajuda, no, na, foi, informad*, digitad*, inserid*, fornecid*, combinacao, que, sao
  it: questo, questa, tale, il, lo, la, i, gli, le, di, del, della, un, una, per, da, con, in, e, suo, sua, favore,
      verificare, aiuto, al, inserit*, immess*, fornit*, indicat*, combinazione, che, sono
  pl: ten, tego, taki, takiego, taka, takie, do, dla, z, w, na, i, lub, twoje, twój, proszę, prosimy, sprawdź,
      się, podan*, podał*, wpisan*, wprowadzon*,
      kombinacja, że, jest, są, został*
  ru: этот, этого, такой, такого, такая, в, на, для, с, и, или, ваш, ваше, вашего, пожалуйста, проверьте,
      обратитесь, к, при, правильность, введен*, ввели, указан*, указали, вы, вами, сочетание, комбинация, что,
      таким, такими, таких
  zh: 请, 請, 您的, 您, 你的, 你, 检查, 檢查, 核对, 重新, 输入, 輸入, 是否, 正确, 正確, 联系, 聯繫, 客服, 原因,
      或者, 以及, 详情, 帮助, 永久, 信息, 提示, 组合, 填写, 的, 是, 已, 已经, 为, 為, 有, 该, 該, 此, 这, 這, 个,
      個, 了, 被, 与, 和, 及, 均, 都, 再, 中, 在, 时, 時, 本, 其, 所, 将, 给, 就, 也, 还, 以, 于, 於, 名, 号, 后,
      後, 我们, 你们, 填, 写, 一, 之, 而, 并, 且, 由, 向, 对, 對, 组, 键, 过, 可, 能, 一下
  ja: しました, しまし, ました, です, ます, ですか, が, の, は, に, を, で, と, も, または, および, ご, お, 確認,
      正しい, 正しく, 入力, 理由, 詳細, については, してください, ください, 下さい, もう一度, された, 組み合わせ
  nl: de, het, een, uw, je, is, zijn, of, en, bij, voor, deze, dit, naam, wordt, combinatie, van, met, in, helaas,
      controleer, alstublieft
  sv: ditt, din, ett, en, och, eller, är, för, den, det, med, namn, vid, av, tyvärr, kontrollera
  da: din, dit, et, en, og, eller, er, for, den, det, med, navn, ved
  cs: nebo, je, se, vaše, váš, a, pro, tento, při, byl*, bylo, prosím, zkontrolujte, bohužel
  tr: veya, ve, ile, bir, bu, adı, böyle, olarak, sizin, oldu, olmuş, lütfen, kontrol edin
  hu: a, az, vagy, és, ez, egy, ön, név
  ko: 또는, 및, 입니다, 합니다, 하였습니다, 했습니다, 되었습니다, 귀하의

of
  en: of, of the, of this, of your, for, for the, for this, for your
  de: von, vom, des, der, dieses, für, für den, für das, für diesen
  fr: de, du, des, d, de l, de la, de votre, de cet, pour, pour l, pour le, pour la, pour cet
  es: de, del, de la, de los, de su, para, para el, para la
  pt: de, do, da, dos, das, para, para o, para a
  it: di, del, della, dell, dei, delle, per, per l, per il
  pl: dla
  ru: для
here
  en: here, this server, this mail server, this host, this mail host, this system, this service, this site, on server,
      on the
      server, for mailbox, for this mailbox, for your mailbox, to mailbox, to your mailbox, for service
  de: auf diesem server, an diesem server, am server, bei diesem dienst, am mailserver, für das postfach, am postfach
  fr: sur ce serveur, a ce serveur, a ce service, a la boite aux lettres
  es: en este servidor, en el servidor, a este servicio
  pt: neste servidor, no servidor
  it: su questo server, sul server
  pl: na tym serwerze, na serwerze
  ru: на этом сервере, на сервере
  zh: 此服务器, 本服务器
  ja: このサーバ, このサーバー
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
  nl: fout
  sv: fel
  da: fejl, fejlede, feilet
  cs: chyba
  tr: hata, hatası, yapılamadı
  hu: nem sikerült, hiba
  ko: 오류*
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
  de: falsch*, ungültig*, inkorrekt*, nicht korrekt, nicht gültig, fehlerhaft*, stimmt nicht, stimmen nicht,
      nicht richtig, unzutreffend, passt nicht, passen nicht, passt nicht zusammen, passen nicht zusammen,
      stimmt leider nicht, stimmen leider nicht, stimmen nicht überein, passen nicht zueinander,
      gehören nicht zusammen, gehoeren nicht zusammen, nicht das richtige, nicht die richtige*, nicht der richtige,
      ist nicht richtig, trifft nicht zu, funktioniert nicht, funktionieren nicht
  fr: incorrect*, invalide*, non valide*, errone*, faux, mauvais*, ne correspond*, inexact*, ne convient,
      ne conviennent, ne vont pas ensemble, ne va pas avec, ne concord*, pas le bon, pas la bonne, pas les bons,
      ne sont pas les bons, ne fonctionne pas
  es: incorrect*, invalid*, inválid*, no valido*, no valida, no validas, no es valido, no es valida, no son validos,
      no son validas, erronea*, erroneo*, equivocad*, no coincid*, mal, no correspond*, no concuerd*, no van juntos,
      no casan, no encajan, no concord*, no es la correcta, no es el correcto, errone*, no es la, no es el,
      no es esa, no es ese, no son los, no son las, no era la, no funciona, no funcionan
  pt: incorret*, incorrect*, invalid*, errad*, nao confere*, nao corresponde*, nao coincid*, nao combina*,
      nao batem, nao bate, nao casam, nao conferem, nao e a correta, nao e a, nao e o, nao e essa, nao e esse,
      nao sao os, nao sao as, nao funciona, nao funcionam
  it: errat*, sbagliat*, non valid*, non corrett*, non corrispond*, non coincid*, scorrett*, invalid*,
      non si accord*, non combaci*, non combina*, non vanno insieme, non concord*, non è quella giusta,
      non è giusta, non funziona, non funzionano
  pl: niepraw*, błędn*, zły, złe, zła, niepoprawn*, nie pasuj*, niewłaściw*, nie zgadza*, nie do siebie, nie
      odpowiad*, nie jest właściw*, nie jest poprawn*
  ru: неверн*, неправил*, недействител*, некоррект*, не совпада*, ошибочн*, не вер*, не подход*, не соответств*, не
      тот, не та, не те, не сходят*, не сочетают*
  zh: 错误, 錯誤, 不正确, 不正確, 无效, 無效, 有误, 有誤, 不匹配, 不符, 不对, 不合法, 不一致, 对不上, 對不上,
      不对应, 不相符, 不吻合, 有错, 不是正确, 错了, 錯了
  ja: 誤り, 誤って, 間違*, 違います, 違っています, 正しくありません, 正しくない, 無効, 不正, 一致しません,
      一致しない, 合っていません, 異なります, 異なっています, 合いません, 合わない, 違う,
      正しい組み合わせではありません, 正しくな
  nl: onjuist*, verkeerd*, fout, foutief, foute, ongeldig*, klopt niet, kloppen niet, niet juist, niet correct,
      komen niet overeen, passen niet
  sv: fel, felaktig*, ogiltig*, stämmer inte, inte rätt, stämmer inte överens, matchar inte, passar inte
  da: forkert*, ugyldig*, feil, passer ikke, stemmer ikke, passer ikke sammen, matcher ikke
  cs: chybn*, nesprávn*, špatn*, neplatn*, nesouhlas*, není správn*, nesedí, nejsou správn*
  tr: yanlış*, hatalı*, geçersiz*, uyuşmuyor, eşleşmiyor, doğru değil
  hu: hibás*, helytelen*, érvénytelen*, rossz, nem megfelelő*, nem egyez*, nem egyezik, nem egyeznek
  ko: 틀렸*, 틀립*, 틀린*, 잘못*, 올바르지 않*, 일치하지 않*, 맞지 않*, 유효하지 않*, 다릅니다*
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
  de: kennen wir nicht, gibt es hier nicht, nicht geführt
  fr: n est pas connu*, ne connaissons pas, n y a pas
  es: no conocemos, no consta
  pt: nao consta, nao conhecemos
  it: non risulta, non conosciamo
  pl: nie ma takiego, nie znamy, nie figuruje
  ru: не числит*, не значит*, такого нет
  zh: 查无, 查無, 没有这个, 没有该, 没有这样
  ja: はいません, がいません, おりません, 存在していません
  cs: nebyl nalezen
  tr: böyle bir
  ko: 없는*, 없습니다*
expired
  en: expired, expire, expires, expiry, out of date, too old, aged, must change, must be changed, must be reset, must
      reset, must update, needs to be changed, need to change, change required, change your, change is required,
      should be changed, has to be changed, reset your, reset required, no longer valid, obsolete, outdated, temporary
      password, expiration, overdue, update your
  de: abgelaufen*, muss geändert, ändern sie, ändern, geändert werden, neu setzen, zurücksetzen, nicht mehr gültig
  fr: expire*, changer, changez, doit etre change, modifier, reinitialis*, perime*
  es: caducad*, expirad*, vencid*, cambiar, cambie, debe cambiar, restable*
  pt: expirad*, expirou, vencid*, trocar, alterar, altere, redefin*
  it: scadut*, cambiare, cambia, modificare, reimpost*
  pl: wygasł*, zmienić, zmień, zmiany, zmiana, straciło ważność
  ru: истек*, устарел*, смените, сменить, изменить, измените, просрочен*
  zh: 过期, 過期, 失效, 修改, 更改, 到期
  ja: 期限切れ, 有効期限, 変更, 失効
suspended
  en: suspend*, deactivat*, inactive, inactivated, closed, terminated, barred, frozen, cancel*, locked out, expired,
      revoked, on hold, not active, not activated, not enabled, no longer active, not in service, delinquent,
      unpaid, overdue, banned, retired, administratively, dormant, blacklisted, quarantined, lapsed, disabled,
      deleted, withdrawn, stopped, stop, non payment, nonpayment, in arrears, on vacation stop, mothballed,
      put to sleep, switched off, shut down, discontinued, withheld, decommissioned, archived, no longer served,
      no longer accept*, accepts no logins, marked for deletion, scheduled for deletion, to be deleted, ended, shut
  de: gesperrt*, deaktiviert*, stillgelegt, geschlossen, gekündigt, gelöscht, eingefroren, abgelaufen, inaktiv*, nicht
      aktiv, nicht aktiviert, blockiert*, aufgelöst, abgeschaltet, entzogen, stillgelegt*, eingestellt,
      zahlungsverzug, archiviert, ruhend, ruht
  fr: suspend*, desactiv*, bloque, bloquee, verrouille*, ferme, fermee, resilie*, supprime*, inactif, expire,
      clotur*, non active, gele, en sommeil, en veille, impaye*, archive, retire, arrete, radie, non activ*,
      pas activ*
  es: suspendid*, desactivad*, deshabilitad*, bloquead*, cerrad*, cancelad*, eliminad*, inactiv*, caducad*,
      expirad*, dado de baja, dada de baja, congelad*, no esta activa, impag*, archivad*, retirad*, en pausa,
      no activad*
  pt: suspens*, desativad*, desabilitad*, bloquead*, fechad*, encerrad*, cancelad*, excluid*, inativ*, expirad*,
      congelad*, nao esta ativa, inadimpl*, arquivad*, retirad*, em pausa, nao ativad*
  it: sospes*, disattivat*, disabilitat*, bloccat*, chius*, cancellat*, inattiv*, scadut*, non attiv*, congelat*,
      dismess*, disdett*, archiviat*, ritirat*, moros*, in pausa, non attivat*
  pl: zawieszon*, wyłączon*, zablokowan*, zamknięt*, usunięt*, nieaktywn*, wygasł*, dezaktywowan*, zarchiwizowan*,
      wycofan*, uśpion*, nieopłacon*, nie aktywowan*, nieaktywowan*
  ru: заблокир*, отключен*, приостановлен*, закрыт*, удален*, деактивир*, неактив*, замороже*, истек*, не
      активирован*, не активен, архив*, за неуплат*, прекращен*
  zh: 冻结, 凍結, 停用, 禁用, 封禁, 封停, 锁定, 鎖定, 被锁, 过期, 注销, 已停, 未激活, 欠费, 被封, 已注销, 停机,
      停機, 已停用, 关停, 暂停使用
  ja: 停止, 凍結, 無効, 解約, 削除, 期限切れ, 休止, 利用停止, 退会, 閉鎖
  nl: geblokkeerd, opgeschort, uitgeschakeld, gesloten, opgezegd
  sv: spärrat, spärrad, avstängt, avstängd, stängt
  da: spærret, lukket, deaktiveret
  cs: zablokován*, zrušen*, pozastaven*, uzavřen*
  tr: askıya alın*, kapatıl*, devre dışı
  hu: felfüggeszt*, letilt*, zárolt, megszüntet*
  ko: 정지*, 차단*, 해지*, 중지된*
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
  it: non ancora, ancora non, sara creat*
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
"""
