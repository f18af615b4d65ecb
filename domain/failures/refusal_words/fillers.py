"""What says nothing of its own: words of grammar and manners, what joins two nouns, and where it was said."""

WORDS = """
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
      oops, dear, caps lock, case sensitive, exactly, fully, but, once, more, one, carefully, retype, reenter, re
      enter, re type, once again, kindly, typing, spelling, sorry but, thank you, unfortunately, hello, current,
      existing
  de: dieser, diese, dieses, diesen, solche*, der, die, das, den, dem, des, ein, eine, einer, für, fur, von, bei,
      mit, im, in, am, an, zu, zum, zur, ist, war, wurde, sie, ihr, ihre, ihren, bitte, wir, und, oder, weil, grund,
      hilfe, wenden, e mail adresse, leider, siehe, prüfen, überprüfen, auf, dem, clocktime, uhr, geben, eingeben,
      eingegeben*, angegeben*, kombination, dass, haben, sind, worden, erneut, nochmal, bedauerlicherweise, name,
      namen, unseren daten, unseren aufzeichnungen, unseren unterlagen, uns, waren, unserem system, diesem, deine,
      dein, deinen, du, aktuell*, bisherige*
  fr: ce, cet, cette, ces, tel, telle, le, la, les, l, de, du, des, d, un, une, pour, par, avec, en, est, a, votre,
      vos, vous, nous, et, ou, svp, s il vous plait, veuillez, verifier, verifiez, aide, a la, au, aux, sur, saisi*,
      entre, fourni*, indique, combinaison, que, sont, nom, nos enregistrements, nos dossiers, nos donnees, etait,
      etaient, etes, notre base, ton, ta, tes, etre, ete, actuel*
  es: este, esta, ese, esa, tal, el, la, los, las, de, del, al, un, una, para, por, con, en, es, su, sus, y, o,
      favor, verifique, compruebe, ayuda, se, ha, introducid*, ingresad*, ingreso, proporcionad*, indicad*,
      combinacion, que, son, nombre, nuestros registros, nuestro registro, nuestros datos, era, eran, estaba,
      estaban, estas, estos, esos, fue, fueron, tu, tus, sido, actual, actuales
  pt: este, esta, esse, essa, tal, o, a, os, as, de, do, da, dos, das, um, uma, para, por, com, em, seu, sua, e, ou,
      favor, verifique, ajuda, no, na, foi, informad*, digitad*, inserid*, fornecid*, combinacao, que, sao, nome,
      nossos registros, nosso registro, nossos registos, nossos dados, estava, estavam, era, eram, estes, estas,
      esses, essas, aos, ao, sido, tua, atual
  it: questo, questa, tale, il, lo, la, i, gli, le, di, del, della, un, una, per, da, con, in, e, suo, sua, favore,
      verificare, aiuto, al, inserit*, immess*, fornit*, indicat*, combinazione, che, sono, nome, nostri record,
      nostri dati, nostri archivi, nostro archivio, era, erano, queste, questi, ai, alla, nei, tuo, tua, stato,
      stata, attuale, attuali
  pl: ten, tego, taki, takiego, taka, takie, do, dla, z, w, na, i, lub, twoje, twój, proszę, prosimy, sprawdź, się,
      podan*, podał*, wpisan*, wprowadzon*, kombinacja, że, jest, są, został*, naszymi danymi, naszych danych, te,
      ta, tych, był, była, było, były, nasz*, twoja, twoj, twojego, to, tej, tym, obecne, aktualne, nazwa
  ru: этот, этого, такой, такого, такая, в, на, для, с, и, или, ваш, ваше, вашего, пожалуйста, проверьте,
      обратитесь, к, при, правильность, введен*, ввели, указан*, указали, вы, вами, сочетание, комбинация, что,
      таким, такими, таких, нашими записями, нашими данными, наших записях, эти, это, этих, был, была, было, были,
      нашей, эта, этой, текущ*
  zh: 请, 請, 您的, 您, 你的, 你, 检查, 檢查, 核对, 重新, 输入, 輸入, 是否, 正确, 正確, 联系, 聯繫, 客服, 原因, 或者,
      以及, 详情, 帮助, 永久, 信息, 提示, 组合, 填写, 的, 是, 已, 已经, 为, 為, 有, 该, 該, 此, 这, 這, 个, 個, 了,
      被, 与, 和, 及, 均, 都, 再, 中, 在, 时, 時, 本, 其, 所, 将, 给, 就, 也, 还, 以, 于, 於, 名, 号, 后, 後, 我们,
      你们, 填, 写, 一, 之, 而, 并, 且, 由, 向, 对, 對, 组, 键, 过, 可, 能, 一下, 我们的记录, 我們的記錄, 我们的资料
  ja: しました, しまし, ました, です, ます, ですか, が, の, は, に, を, で, と, も, または, および, ご, お, 確認,
      正しい, 正しく, 入力, 理由, 詳細, については, してください, ください, 下さい, もう一度, された, 組み合わせ,
      不充分, 不十分, 十分, 部分, 自分, 記録と, レコードと, 当方の記録
  nl: de, het, een, uw, je, is, zijn, of, en, bij, voor, deze, dit, naam, wordt, combinatie, van, met, in, helaas,
      controleer, alstublieft, onze, opgegeven, ingevoerde, ingevoerd, onze, te, om, u, die, dat, hebt, heeft,
      worden, probeer, nogmaals, op, ook, door, onze, onze gegevens, onze administratie, was, waren, ons, huidige
  sv: ditt, din, ett, en, och, eller, är, för, den, det, med, namn, vid, av, tyvärr, kontrollera, våra, vårt,
      angivna, angivet, angav, har, du, i, på, till, som, de, detta, denna, var, igen, våra register, vårt register,
      våra uppgifter, dessa, det här, oss, dina, nuvarande
  da: din, dit, et, en, og, eller, er, for, den, det, med, navn, ved, vores, angivne, angivet, angav, har, du, i,
      på, til, som, de, dette, denne, blev, prøv, igen, indtastede, indtastet, vores optegnelser, vores register,
      vores data, disse, var, venligst, os, dine, nuværende
  cs: nebo, je, se, vaše, váš, a, pro, tento, při, byl*, bylo, prosím, zkontrolujte, bohužel, naš*, zadan*, zadal*,
      v, na, s, z, do, k, jsou, tyto, tato, že, vám, vás, jste, vaš*, našim záznamům, našich záznam*, žádnému
      záznamu, žádn* záznam*, byl, byla, toto, tohle, aktuální, současné, název, platnost
  tr: veya, ve, ile, bir, bu, adı, böyle, olarak, sizin, oldu, olmuş, lütfen, kontrol edin, girilen, girdiğiniz,
      kayıt, kayıtlarımız*, sağlanan, verilen, belirtilen, ya da, bizim, için, da, de, kayıtlarımızla, kayıtlarla,
      idi, değildi, şu, mevcut
  hu: a, az, vagy, és, ez, egy, ön, név, megadott, beírt, ezek, kérjük, meg, adataink*, rekord*, van, lett,
      próbálja, adatainkkal, rekordjainkkal, nyilvántartásunk*, volt, voltak, az ön, jelenlegi, neve
  ko: 또는, 및, 입니다, 합니다, 하였습니다, 했습니다, 되었습니다, 귀하의, 입력*, 제공된*, 제공한*, 해당*, 이*, 그*,
      우리*, 저희*, 기록*, 확인해*, 주세요*, 다시*, 하세요*, 습니다, 가, 이, 을, 를, 은, 는, 와, 과, 레코드와,
      레코드*, 기록과, 저희 기록*, 제출*, 입력하신*, 의, 님, 에서, 에, 님의, 에게, 현재
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
"""
