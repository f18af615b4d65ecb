"""How often and how many: throttling, limits, and mailboxes that somebody else reads."""

WORDS = """
often
  en: often, frequently, frequency, frequent, rate, rates, rated, abuse detected, per minute, per hour, per second,
      per day, a minute, an hour, minimum interval, more than once, once every, only every, every few minutes, times
      per, wait at least, must wait, penalty, burst, pace, velocity
  de: häufig, häufigkeit, pro minute, pro stunde, pro tag, je minute, je stunde, abrufintervall, warten sie
      mindestens, bitte warten
  fr: frequen*, par minute, par heure, par jour, patienter, ralenti*
  es: frecuen*, por minuto, por hora, por dia, espere al menos, seguidas
  pt: frequen*, por minuto, por hora, por dia, aguarde, repetidas vezes
  it: frequen*, al minuto, all ora, al giorno, attendere, attendi
  pl: często*, częstotliwoś*, na minutę, na godzinę, odczekaj, odczekać
  ru: часто, частот*, в минуту, в час, подождите, чаще
  zh: 频率, 頻率, 每分钟, 每小时, 频次
  ja: 頻度, 間隔, 毎分, 短時間, お待ちください, 連続
  nl: vaak, per minuut, per uur, wacht
  sv: ofta, per minut, per timme
  da: ofte, per minut, i minuttet, i timen
  cs: často, za minutu, za hodinu
  tr: sık, dakikada, saatte
  hu: gyakran, percenként, óránként
  ko: 자주*, 분당*, 시간당*
too_often
  en: too often, too frequent*, too fast, too quick*, too rapid*, too soon, rate limit*, ratelimit*, throttl*, slow
      down, slowdown, back off, backoff, flood*, hammering, cool down, cooldown, cooling off, tarpit*, too many
      times, minutes apart, seconds apart, too short interval*, frequency limit*, interval too short, too short,
      brute force, bruteforce, repeated failures, repeated failed, repeated attempts, too eager*, too impatient*,
      too hast*, too aggressiv*, too much at once, too close together, enhance your calm, slow it down, ease off,
      take it easy, calm down, not so fast, more patience, be patient, tooquick, flooding, hammer*, back to back,
      minimum time between, minimum interval between, time between logins, time between polls, time between checks,
      polling interval, poll interval, check interval, login interval, logindelay, login delay, interval violated,
      cool off, cooling period, off period, like mad, minute ago, minutes ago, seconds ago, moments ago, just logged
      in, just been here, exceeded allowance, exceeded your allowance, exceeded the allowance, allowance exceeded,
      daily quota, daily pop quota, how often, less often, less frequent*, fewer times, fewer checks, fair use, wait
      before you try, wait before trying, wait before retrying, wait longer, wait between, delay time, delay not,
      delay period, not elapsed, not yet elapsed, has not elapsed, time not expired
  de: zu oft, zu häufig*, zu schnell, zu kurzen abständen, mindestabstand, zu kurz, zu eifrig, zu ungeduldig, zu
      hastig, in zu kurzer zeit, zu rasch, langsamer, mindestzeit, wartezeit, sperrzeit, gerade erst, zeitabstand,
      seltener, anmeldelimit, abruflimit, loginlimit, zugriffslimit, verbindungslimit, bevor sie es erneut, bevor
      sie erneut, bevor du es erneut
  fr: trop souvent, trop frequen*, trop rapide*, trop rapproche*, trop court, trop vite, trop presse*, trop
      impatien*, doucement, ralentissez, delai minimum, delai minimal, intervalle minimum, intervalle minimal, delai
      entre, moins souvent, avant de reessayer, avant de retenter, avant une nouvelle tentative
  es: demasiado frecuente*, muy frecuente*, demasiado rapido, muy a menudo, demasiada frecuencia, demasiado deprisa,
      demasiado seguid*, demasiada prisa, mas despacio, con demasiada frecuencia, tan a menudo, tiempo minimo,
      intervalo minimo, tiempo entre, acaba de entrar, menos a menudo, con menos frecuencia, demasiados intentos,
      demasiadas peticiones, demasiadas solicitudes, antes de intentar*, antes de volver a intentar*, antes de
      reintentar*
  pt: muito frequente*, muito rapido, muita frequencia, depressa demais, rapido demais, frequente* demais,
      frequentes demais, mais devagar, com muita frequencia, com demasiada frequencia, tempo minimo, intervalo
      minimo, tempo entre, com menos frequencia, antes de tentar, antes de uma nova tentativa
  it: troppo spesso, troppo frequente*, troppo veloc*, troppa frequenza, troppo di frequente, troppo in fretta,
      troppo ravvicinat*, rallent*, con troppa frequenza, tempo minimo, intervallo minimo, tempo tra, meno spesso,
      prima di riprovare, prima di ritentare
  pl: zbyt często, zbyt częst*, za często, za częst*, zbyt szybko, za szybko, zbyt pospieszn*, zwolnij, minimalny
      odstęp, minimalny czas, odstęp między, rzadziej, zanim spróbuj*, przed ponowną próbą, przed kolejną próbą
  ru: слишком часто, слишком част*, слишком быстро, слишком поспешн*, помедленнее, чересчур част*, слишком быстр*,
      минимальный интервал, минимальное время, интервал между, реже, прежде чем повторить, прежде чем попробовать,
      перед повторной попыткой, перед следующей попыткой
  zh: 频繁, 頻繁, 过快, 限流, 太频繁, 太快, 过密, 過密, 最短间隔, 间隔太短, 间隔过短, 间隔不足, 降低频率, 减少
  ja: 頻繁, 頻度が高すぎ, 多すぎる頻度, 速すぎ, 早すぎ, 頻度が高い, 急ぎすぎ, 間隔が短, 最小間隔, 間隔を空け,
      間隔をあけ, 頻度を下げ, 失敗し過ぎ, 失敗しすぎ, 試行が多すぎ, 回数が多すぎ, 試行回数, 時間を置いて,
      時間をあけて, 間をおいて
  nl: te vaak, te snel, te veel pogingen, te veel mislukte, te veel foutieve, voordat u het opnieuw, voordat je het
      opnieuw
  sv: för ofta, för många försök, för snabbt, för många misslyckade, för många felaktiga, innan du försöker
  da: for ofte, for mange forsøg, for hurtigt, for mange mislykkede, inden du prøver, før du prøver
  cs: příliš často, příliš mnoho pokus*, příliš rychle, příliš mnoho chybných, příliš mnoho neúspěšných, než to
      zkusíte, před dalším pokusem
  tr: çok sık, çok fazla deneme*, çok hızlı, çok fazla başarısız, tekrar denemeden önce, yeniden denemeden önce
  hu: túl gyakran, túl sok kísérlet, túl gyors*, túl sok sikertelen, mielőtt újra
  ko: 너무 자주*, 너무 많은 시도*, 너무 빨리*
limit
  en: limit*, exceed*, quota*, maximum, max, too many, too much, excessive*, allowance, over limit, over the limit,
      cap, number of, over quota, overquota, budget, allotment, ceiling, cap on, upper bound, at most, no more than
  de: grenze, grenzwert, überschritten, überschreit*, maximal*, höchstzahl, höchstens, zu viele, zu viel, limit,
      kontingent, begrenz*, anzahl, zu viel*, obergrenze, budget, guthaben, nicht mehr als
  fr: limite*, depass*, maximum, maximal*, trop de, nombre de, excessif*, quota, plafond, budget, au plus, pas plus de
  es: limite*, excedid*, superad*, sobrepasad*, maximo, maxima, demasiad*, numero de, exceso, cuota, tope, cupo,
      presupuesto, no mas de
  pt: limite*, excedid*, ultrapassad*, maximo, maxima, muitas, muitos, demasiad*, numero de, excesso, cota, quota,
      teto, cupo, nao mais que
  it: limite*, superat*, massimo, massima, troppi, troppe, numero di, numero massimo, quota, ecced*, tetto, soglia,
      non piu di
  pl: limit*, przekroczon*, przekroczył*, maksymaln*, zbyt wiele, zbyt dużo, za dużo, liczb*, pułap*, nie więcej niż
  ru: лимит*, превыш*, максимальн*, слишком много, количеств*, квот*, ограничен*, число, предел, потолок, порог, не
      более, не чаще
  zh: 限制, 上限, 超过, 超過, 超出, 过多, 過多, 太多, 配额, 最大, 次数, 受限, 超限, 限额, 限額, 额度, 額度, 阈值
  ja: 上限, 制限, 超え, 超過, 多すぎ, 最大, 回数, 限度, 枠, しきい値, 以内
  nl: maximum*, maximaal, maximale, limiet*, overschreden, te veel, teveel, aantal, quota, bereikt
  sv: maximal*, maximum*, gräns*, överskrid*, för många, för mycket, antal, kvot*
  da: maksimal*, maksimum*, grænse*, overskred*, for mange, for mange mislykkede, antal, kvote*
  cs: maximáln*, nejvyšší*, limit*, překročen*, příliš mnoho, příliš, počet, kvót*, vyčerpán*
  tr: azami, maksimum, sınır*, limit*, aşıldı, aşan, aşıyor, çok fazla, sayısı, kota*, tükendi
  hu: maximális*, legnagyobb*, korlát*, túllép*, túl sok, kvót*, kimerít*
  ko: 최대*, 한도*, 초과*, 제한*, 너무 많*, 횟수*, 할당*
tries
  en: attempt*, tries, logins, logons, sign ins, auths, authentications, requests, retries, failures, polls, polling,
      checks, accesses, login requests, checking, password failures, bad passwords, failed logins, commands, times
  de: versuch*, anmeldeversuch*, loginversuch*, fehlversuch*, anmeldungen, logins, abfragen, abrufe, anfragen,
      zugriffe, anfrage, aufrufe
  fr: tentative*, essais, requetes, connexions, authentifications, demandes, requete, demande*
  es: intento*, solicitudes, peticiones, autenticaciones, inicios de sesion, accesos, peticion
  pt: tentativa*, requisicoes, pedidos, logins, acessos, solicitac*, requisic*, muitas vezes
  it: tentativ*, richieste, accessi, login
  pl: prób, próby, próba, logowań, żądań, zapytań
  ru: попыт*, запрос*, входов, обращени*, проверк*, обращений
  zh: 登录, 登錄, 登入, 尝试, 嘗試, 次数, 请求, 訪問, 访问, 操作
  ja: 試行, ログイン, リクエスト, 回数, アクセス, 誤り, 要求
  nl: poging*, pogingen, herhaalpogingen, inlogpoging*, aanmeldpoging*, aanmeldingen, verzoeken, aanvragen,
      serververzoek*, verzoek*
  sv: försök, försöken, inloggningsförsök, inloggningar, förfrågningar, anrop
  da: forsøg, forsøgene, login forsøg, loginforsøg, anmodninger, logins, forespørgsler
  cs: pokus*, pokusů, přihlášení, požadavk*, dotaz*
  tr: deneme*, girişim*, istek*, denemesi, talep*
  hu: kísérlet*, próbálkozás*, újrapróbálkozás*, kérés*, bejelentkezés*, lekérés*
  ko: 시도*, 재시도*, 요청*, 로그인 시도*
connection
  en: connection*, connect, ip, ip address*, sessions, simultaneous, concurrent*, concurrency, parallel,
      simultaneously, pop sessions, concurrent users, users, user connections, clients
  de: verbindung*, sitzungen, gleichzeitig*, parallel*
  fr: connexions, connexion, simultane*, sessions, concurrent*
  es: conexion*, sesiones, simultane*, concurrent*
  pt: conexoes, conexao, ligacoes, sessoes, simultane*, concorrent*
  it: connession*, sessioni, simultane*, contemporane*
  pl: połącze*, sesji, jednoczesn*, równoczesn*
  ru: соединени*, подключени*, сесси*, сеанс*, одновременн*
  zh: 连接, 連接, 連線, 会话, 并发, 并行
  ja: 接続, セッション, 同時
  nl: verbinding*, sessies, gelijktijdig*
  sv: anslutning*, sessioner, samtidig*
  da: forbindelse*, sessioner, samtidig*
  cs: připojení, spojení, relací, souběžn*, současn*
  tr: bağlantı*, eşzamanlı*, oturum sayısı
  hu: kapcsolat*, munkamenet*, egyidejű*
  ko: 연결*, 접속 수*, 세션*, 동시*
minutes
  en: minute*, seconds, hour, hours, day, days, mins, min, secs, sec, until clocktime, before clocktime,
      after clocktime, again at clocktime, allowed at clocktime, till clocktime
  de: minute*, sekunden, stunde*, bis clocktime, ab clocktime, vor clocktime
  fr: heure*, minute*, secondes, avant clocktime, jusqu a clocktime
  es: hora, horas, segundos, minutos, hasta las clocktime
  pt: hora, horas, minutos, segundos, ate as clocktime
  it: ore, ora, minut*, secondi, fino alle clocktime
  pl: minut*, godzin*, sekund*, do clocktime
  ru: секунд*, минут*, час, часов, часа, до clocktime
  zh: 分钟, 分鐘, 小时, 小時, 秒
  ja: 分, 時間, 秒
  nl: minuten, minuut, seconden, seconde, uur, uren
  sv: minut*, sekund*, timme*, timmar
  da: minut*, sekund*, timer
  cs: minut*, sekund*, hodin*
  tr: dakika*, saniye*, saat*
  hu: perc*, másodperc*, óra, órát, órán
  ko: 분 후*, 분 뒤*, 초 후*, 초 뒤*, 초 안*, 시간 후*, 분 동안*, 초 동안*, 분간*
wait
  en: wait, waiting period, every, apart, interval, once, per, at least, between, until
  de: warten, alle, mindestens, zwischen
  fr: attendre, patienter, attendez, toutes les, entre
  es: espere, esperar, cada, entre
  pt: aguarde, aguardar, espere, cada, entre
  it: attendere, attendi, ogni, tra
  pl: odczekaj, poczekaj, co, między
  ru: подождите, кажд*, между
  zh: 等待, 每, 间隔
  ja: 待って, 毎, 間隔
every
  en: every, once, per, apart, interval, next, only
  de: alle, pro, nur alle
  fr: toutes les, par
  es: cada, por
  pt: cada, por
  it: ogni, al
  pl: co, na
  ru: кажд*, в, раз в
  zh: 每
  ja: 毎, ごと
traffic
  en: bandwidth, traffic, volume, command, commands, bytes, megabytes
  de: datenvolumen, transfervolumen, bandbreite
  fr: bande passante, trafic, volume
  es: ancho de banda, trafico
  pt: largura de banda, trafego
  it: banda, traffico
  pl: transfer*
  ru: трафик*
  zh: 流量, 带宽
  ja: 通信量, 帯域
lock
  en: lock, locks, locking, unlock fail*, exclusive*, lock file, lockfile, dotlock, flock, mutex, in use,
      being used, inuse, used by, being read, being accessed, already open, opened by, held by, occupied, is open,
      open elsewhere, already logged, already connected, already active, already running, already reading,
      already in, someone else is, somebody else is, maildrop lock, mailbox lock, session lock, locked by,
      dot lock*, in other hands, tied up, held open, has it open, keeps it open, owns the, claimed by, taken by,
      grabbed by, has a reader, has another reader, is being downloaded, downloading now, under exclusive,
      exclusive access, open in webmail, opened in webmail, open in another, open on another, accessed by another,
      accessed by some*, accessed by process, accessed by other, accessed by a, being delivered, being written,
      delivery in progress, blocked by another, blocked by a, blocked by process, blocked by session,
      blocked by some*
  de: in benutzung, in gebrauch, in verwendung, bereits geöffnet, bereits verwendet, bereits benutzt,
      bereits angemeldet, wird verwendet, wird benutzt, belegt, bereits aktiv, gerade verwendet, gerade benutzt,
      gerade abgerufen, hält, haelt, gesperrt durch, gehalten, in arbeit, offen gehalten, wird gerade gelesen,
      wird gerade geöffnet, wird gerade abgefragt, wird gerade genutzt, wird gerade bearbeitet
  fr: verrou, en cours d utilisation, deja utilise*, deja ouvert*, deja en cours, utilisee par, utilise par, deja
      connecte, occupee, en cours d acces, consultee, tient, detient, detenu*, relevee par, relève par, lue par, lu
      par, tenu par
  es: en uso, ya abiert*, abierto por, abierta por, siendo utilizad*, utilizado por, utilizada por, ya conectad*, ya
      esta siendo, ocupado, ocupada, siendo usad*, retenid*, leid* por, tiene abierto, tiene abierta, tomado por
  pt: em uso, ja aberta, ja aberto, sendo usad*, usada por, usado por, ja conectado, sendo acessad*, sendo utilizad*,
      em utilizacao, ocupada, retid*, lida por, preso por, presa por, tem aberta
  it: in uso, gia aperta, gia aperto, utilizzata da, utilizzato da, gia connesso, occupata, lock, usata da, già in
      uso, tenut*, letta da, letto da, impegnat*
  pl: w użyciu, używan*, zajęt*, już zalogowan*, jest używana, trzyma, przetrzymywan*, otwarta przez, czytana przez
  ru: занят*, используется, уже используется, уже подключен*, читает, удержива*, открыт* другим, открыт* другой,
      захвачен*
  zh: 加锁, 占用, 正在使用, 使用中, 正被, 已登录, 已打开, 锁住, 被打开, 被打開, 被读取, 被佔用, 已被其他
  ja: 使用中, 使われています, 開いています, 利用中, 使用され, 接続中, 開かれて, 保持, 握って, 占有, 読み込み中
  nl: in gebruik, geopend door
  sv: används redan, används av
  da: i brug, bruges af
  cs: používán*, je otevřen*, používá
  tr: kullanımda, kullanılıyor
  hu: használatban, használja
  ko: 사용 중*, 사용중*
elsewhere
  en: open elsewhere, in use elsewhere, logged in elsewhere, already logged in, already open, already in use,
      already locked, lock busy, one session, only one client, one connection at a time, already opened,
      already connected, already exists, already active, already running, session exists, someone is at your,
      somebody is at your, someone is in your, somebody is in your, someone is using, somebody is using,
      one reader at a time, one session at a time, one client at a time, one at a time, one pop session,
      one pop3 session, one pop connection, one session per, one connection per, one client per, single session,
      one session only, only one session, already an active, already has an active, already a session,
      already logged on, already signed in, duplicate session, duplicate login, session still, still running,
      still active, still open, still connected, last session, previous session, lock held, lock is held,
      lock present, lock exists, holds the lock, holds a lock, mailbox lock held
  de: nur eine sitzung, nur eine verbindung, nur ein client, bereits eine aktive, noch aktiv, noch offen,
      noch geöffnet, bereits angemeldet, doppelte anmeldung
  fr: une seule session, une seule connexion, deja une session, encore ouverte, double session
  es: una sola sesion, una unica sesion, una sola conexion, ya hay una sesion, sigue abierta, todavia abierta,
      sesion duplicada
  pt: uma unica sessao, apenas uma sessao, uma so sessao, ja ha uma sessao, ainda aberta, ainda ativa,
      sessao duplicada
  it: una sola sessione, una sola connessione, gia una sessione, ancora aperta, ancora attiva, sessione duplicata
  pl: tylko jedna sesja, jedna sesja, jest już sesja, wciąż otwarta, już zalogowany, nadal otwarta
  ru: только одна сессия, только один сеанс, только одно соединение, уже есть сессия, еще открыт*, уже вошли,
      еще активн*
  zh: 只允许一个会话, 仅允许一个会话, 只能一个连接, 已有会话, 已经登录, 重复登录, 仍在使用
  ja: 1つのセッション, 一つのセッション, すでにセッション, 既にログイン, 二重ログイン, まだ開いて
other
  en: another, other, others, someone else, somebody else, someone, somebody, anybody, anyone, elsewhere, different,
      second, previous, existing, earlier, else, concurrent, simultaneous, pid
  de: andere*, anderer, anderes, anderen, anderem, bereits, weitere*, woanders, zweite, zweiten, jemand*
  fr: autre*, deja, ailleurs, precedent*, quelqu un
  es: otra, otro, otras, otros, ya, alguien
  pt: outra, outro, outras, outros, ja, alguem
  it: altra, altro, altri, altre, gia, un altra, un altro, qualcuno
  pl: inn*, już, drug*, równoległ*, ktoś
  ru: друг*, уже, ино*, предыдущ*, кто то
  zh: 其他, 其它, 另一, 别的, 另外, 他人, 有人
  ja: 他の, 別の, すでに, 既に, ほかの, 誰か
reader
  en: session*, client*, program*, process, processes, connection*, computer, device, application*, user, instance,
      reader, pop session, mail program, mail client*, mailer, machine, host, place, location
  de: sitzung*, programm*, prozess*, client*, verbindung*, gerät*, computer, anwendung*, mailprogramm, rechner,
      telefon, apparat, programms
  fr: session*, client*, programme*, processus, connexion*, appareil*, ordinateur, logiciel*, application*, telephone
  es: sesion*, cliente*, programa*, proceso*, conexion*, dispositivo*, equipo, aplicacion*, ordenador, telefono,
      aparato*
  pt: sessao, sessoes, cliente*, programa*, processo*, conexao, dispositivo*, computador, aplicacao, aplicativo*,
      aparelho*, telefone
  it: session*, client, programma, processo, connession*, dispositivo, computer, applicazione, apparecchi*, telefono
  pl: sesj*, klient*, program*, proces*, połączeni*, urządzeni*, komputer*, aplikacj*, telefon*
  ru: сесси*, сеанс*, клиент*, программ*, процесс*, соединени*, устройств*, компьютер*, приложени*, телефон*, аппарат*
  zh: 会话, 客户端, 客戶端, 程序, 进程, 连接, 设备, 电脑, 終端, 终端, 手机, 裝置, 装置
  ja: セッション, クライアント, プログラム, プロセス, 接続, 端末, ソフト, 装置, 携帯, 機器
active
  en: active, running, open, opened, connected, logged in, logged on, in progress, read, reads, reading, using,
      uses, accessing, holds, holding, exists, present, already
  de: aktiv, läuft, offen, geöffnet, angemeldet, verbunden, liest, lesen, nutzt, benutzt, verwendet
  fr: active, actif, ouverte, ouvert, connecte, en cours, utilise, lit, consulte
  es: activa, activo, abierta, abierto, conectado, en curso, usa, usando, utilizando, lee, leyendo
  pt: ativa, ativo, aberta, aberto, conectado, em andamento, usa, usando, utilizando, lendo
  it: attiva, attivo, aperta, aperto, connesso, in corso, usa, usando, utilizzando, leggendo, legge
  pl: aktywn*, otwart*, otworzył*, zalogowan*, połączon*, korzysta, używa, trwa, czyta
  ru: активн*, открыт*, подключен*, использует, работает, читает
  zh: 活动, 打开, 已连接, 使用, 进行中, 读取
  ja: アクティブ, 開いて, 接続中, 使用, 実行中, 読み
concurrent
  en: concurrent, concurrently, simultaneous, simultaneously, parallel, multiple
  de: gleichzeitig*, parallel*
  fr: simultane*, concurrent*
  es: simultane*, concurrent*
  pt: simultane*, concorrent*
  it: simultane*, contemporane*
  pl: jednoczesn*, równoczesn*
  ru: одновременн*
  zh: 同时, 并发
  ja: 同時
spent
  en: used up, spent, all used, eaten up, no more left, none left, ran out of, run out of, has been reached, reached,
      hit, consumed, depleted
  de: aufgebraucht, ausgeschöpft, verbraucht, erreicht
  fr: epuise*, atteint*, consomme*
  es: agotad*, agoto, ha agotado, consumid*, alcanzad*
  pt: esgotad*, esgotou, consumid*, atingid*, atingiu
  it: esaurit*, consumat*, raggiunt*
  pl: wyczerpan*, wykorzystan*, osiągnięt*
  ru: исчерпал*, исчерпан*, израсходован*, достигнут*
  zh: 用完, 用尽, 用盡, 耗尽, 达到, 達到
  ja: 使い切, 達しました, 使い果た
wait_for
  en: wait, please wait, pause for, come back in, come back after, return in, try again in, sit out, hold off
  de: warten sie, bitte warten, warte, erst in, erst nach, nächste anmeldung, nächster abruf, nächste abfrage, wieder
      in, frühestens
  fr: attendez, patientez, veuillez attendre, veuillez patienter, revenez dans, prochaine connexion, prochain essai
  es: espere, aguarde, vuelva en, proximo acceso, proximo intento
  pt: aguarde, espere, volte em, proximo acesso, proxima tentativa
  it: attenda, attendere, attendi, aspetti, torni tra, prossimo accesso, prossimo tentativo
  pl: poczekaj, odczekaj, proszę czekać, następne logowanie, następna próba
  ru: подождите, ждите, вернитесь через, следующий вход, следующая попытка
  zh: 请等待, 請等待, 等待, 之后再, 後再, 后再
  ja: 待って, お待ち, 待機, 次のログイン, 次回
  nl: wacht, wachten
  sv: vänta
  da: vent
  cs: počkejte, vyčkejte
  tr: bekleyin
  hu: várjon, múlva
  ko: 기다*
repeated
  en: after several, after too many, after many, after repeated, after multiple, after failed, due to failed,
      due to wrong, due to too many, due to multiple, due to repeated, because of wrong, because of failed,
      because of too many, several wrong, several failed
  de: nach mehreren, nach zu vielen, wegen falscher, wegen fehlgeschlagener, wegen zu vieler, nach wiederholt*,
      mehrmals
  fr: apres plusieurs, apres trop, suite a trop, suite a plusieurs
  es: tras varios, tras demasiados, por varios intentos, por demasiados, por repetidos
  pt: apos varias, apos muitas, por excesso de tentativas, por varias tentativas
  it: dopo diversi, dopo troppi, dopo vari, per troppi tentativi
  pl: po kilku, po zbyt wielu, z powodu wielu
  ru: после нескольких, из за неверных, после неудачных, после многократн*
  zh: 多次, 连续
  ja: 複数回, 何度も
peer_ip
  en: your ip, your ip address, ip address, client ip, source ip, remote ip, your host
  de: ihre ip, ip adresse
  fr: votre ip, adresse ip
  es: su ip, direccion ip
  pt: seu ip, endereco ip
  it: indirizzo ip
  pl: adres ip
  ru: ip адрес, ваш ip
  zh: ip地址, 您的ip
  ja: ipアドレス
"""
