"""What a server says of itself: its parts, its troubles, and that it did not understand."""

WORDS = """
backend
  en: database*, data base, db, sql, mysql, mariadb, postgres*, sqlite, oracle, ldap, active directory, directory,
      radius, kerberos, kdc, nis, backend*, back end*, store, message store, mail store, mailstore, storage,
      disk*, filesystem*, file system*, nfs, raid, input output, memory, malloc, fork, thread*, socket*, pipe,
      proxy, proxied, upstream, node, cluster, daemon, authd, auth server, auth service, auth daemon,
      authentication server*, authentication service*, authentication daemon*, authentication backend*,
      authentication system*, authentication source*, authorization server*, login server*, login service,
      mailbox server*, mailbox database, home server, internal server, domain controller, password database,
      password file, user database, account database, userdb, passdb, name service, resolver, dns, network, indexes,
      cache, quota service, imap server, imap backend, configuration file, worker, workers, partition, volume,
      replica*, metadata, global catalog, information store, file, files, lookup, lookups, resource, resources,
      index, module, library, back end server*, spool directory, lock file, mailbox index, account information,
      user information, user info, mailbox list, quota information, shard*, storage node*, routing table*,
      cluster map*, bind dn, bind credentials
  de: datenbank*, verzeichnis, verzeichnisdienst*, speicher*, festplatte*, dateisystem, datenträger, backend,
      netzwerk, netz, anmeldedienst, anmeldeserver, authentifizierungsserver, authentifizierungsdienst, mailserver,
      hintergrundsystem
  fr: noeud*, base de donnees, bases de donnees, annuaire, disque, stockage, memoire, reseau,
      serveur d authentification, fichier
  es: nodo*, base de datos, directorio, disco, almacenamiento, memoria, red, servidor de autenticacion, archivo
  pt: banco de dados, base de dados, diretorio, disco, armazenamento, memoria, rede, servidor de autenticacao
  it: nodo, nodi, banca dati, base dati, database, archivio, disco, memoria, rete, server di autenticazione
  pl: baz* danych, dysk*, katalog*, pamięci, sieć, sieci, serwer* uwierzytelniania
  ru: баз* данных, хранилищ*, диск*, каталог*, памят*, сет*, сервер* аутентификации, сервер* авторизации,
      сервер* хранения, бд
  zh: 数据库, 資料庫, 存储, 儲存, 磁盘, 硬盘, 目录服务, 后端, 後端, 网络, 網路, 内存, 认证服务器, 后台, 用户表,
      密码表, 账号表, 帐号表, 数据表
  ja: データベース, ストレージ, ディスク, ディレクトリ, バックエンド, ネットワーク, メモリ, 認証サーバ, 認証サーバー
  nl: database, gegevensbank, opslag*, schijf, netwerk
  sv: databas*, lagring*, disk*, nätverk*
  da: database*, lager, disk*, netværk*
  cs: databáz*, úložišt*, disk*, síť, síťov*
  tr: veritabanı*, veri tabanı*, depolama*, disk*
  hu: adatbázis*, tároló*, hálózat*
  ko: 데이터베이스, 저장소, 디스크, 네트워크
server
  en: server*, service*, system*, site, machine, pop server, pop3 server, software, operation
  de: server*, dienst*, system*, rechner, mailsystem, service
  fr: serveur*, service*, systeme*, operation
  es: servidor*, servicio*, sistema*, operacion
  pt: servidor*, servico*, sistema*, operacao
  it: server*, servizio, servizi, sistema, operazione
  pl: serwer*, usług*, system*, operacj*
  ru: сервер*, сервис*, служб*, систем*, операци*
  zh: 服务器, 伺服器, 服务, 服務, 系统, 系統
  ja: サーバ, サーバー, サービス, システム
  nl: server*, dienst, systeem
  sv: server*, tjänst*, system*
  da: server*, tjeneste*, system*
  cs: server*, služb*, systém*
  tr: sunucu*, sistem*, hizmet*
  hu: kiszolgáló*, szerver*, rendszer*, szolgáltatás*
  ko: 서버, 시스템, 서비스
part
  en: reply, replies, response*, answer*, format, record, records, protocol*, host, hosts, peer, packet*, header*,
      encoding, hash*, entry, entries, value, values, permission*, policy, rule, rules, certificate*, password
      scheme*, password type*, password method*, password hash*, password encoding, password encryption, passwd
      scheme*, schema*, class, shell, realm, salt, token*, plugin*, algorithm*, cipher*, path*, home, attribute*,
      field*, column*, table*, length*, charset, character set, version*, driver*, handler*, provider*, source*,
      object*, property, properties, password data, password entry, password record
  de: antwort*, format, datensatz, eintrag, protokoll*, gegenstelle, host, regel*, richtlinie*, schema, typ, länge,
      verfahren, algorithmus, kodierung, pfad, modul, klasse, wert, feld, attribut
  fr: reponse*, format, enregistrement*, protocole*, hote, regle*, type, schema, longueur, algorithme, codage,
      encodage, chemin, module, classe, valeur, champ, attribut
  es: respuesta*, formato, registro*, protocolo*, host, politica*, regla*, tipo, esquema, longitud, algoritmo,
      codificacion, ruta, modulo, clase, valor, campo, atributo
  pt: resposta*, formato, registro*, registo*, protocolo*, host, politica*, regra*, tipo, esquema, comprimento,
      tamanho, algoritmo, codificacao, caminho, modulo, classe, valor, campo, atributo
  it: risposta, risposte, formato, record, protocoll*, host, politic*, regola, regole, tipo, schema, lunghezza,
      algoritmo, codifica, percorso, modulo, classe, valore, campo, attributo
  pl: odpowied*, format*, rekord*, wpis*, protokoł*, host*, reguł*, typ, typu, schemat*, długoś*, algorytm*,
      kodowani*, ścieżk*, moduł*, klas*, wartoś*, pole, pola, atrybut*
  ru: ответ*, формат*, запись, записи, протокол*, хост*, узел, узла, правил, правило, тип, типа, схема, схемы, длин*,
      алгоритм*, кодировк*, путь, модул*, класс*, значени*, поле, поля, атрибут*
  zh: 响应, 回应, 回應, 应答, 返回, 格式, 记录, 協議, 协议, 主机, 主機, 策略, 类型, 類型, 长度, 長度, 算法, 编码,
      編碼, 模块, 模組, 字段, 属性, 加密方式
  ja: 応答, 返答, 形式, レコード, プロトコル, ホスト, 種類, タイプ, 長さ, アルゴリズム, エンコード, モジュール,
      属性, 方式
trouble
  en: connection error, went down, going down, down, offline, unreachable, not reachable, not respond*, no response,
      not responding, did not respond, not ready, not running, out of order, out of service, overload*, over loaded,
      high load, heavy load, load too high, load average, too busy, server busy, system busy, shutdown, restarting,
      starting up, rebooting, maintenance, upgrading, being upgraded, being updated, migration, being moved,
      being migrated, outage, interrupted, broken, exhausted, out of memory, out of resources, timed out,
      timing out, time out, timeout, reset by peer, connection refused, connection reset, connection lost,
      lost connection, disconnected from, failover, degraded, deadlock*, malfunction*, no route, lag, lagging,
      out of sync, not in sync, catching up, syncing, synchroni*ing, skew, clock skew, stale
  de: nicht erreichbar, unerreichbar, überlastet, überlast, ausgefallen, ausfall, gestört, störung, störungen,
      wartung*, zeitüberschreitung, antwortet nicht, außer betrieb, ausser betrieb, nicht bereit, wird gewartet,
      umgezogen, umzug, zeitabweichung, nicht synchron
  fr: maintenance, surcharge*, injoignable*, hors service, hors ligne, en panne, panne, delai depasse,
      delai d attente, ne repond pas, incident technique, probleme technique, decalage, desynchronis*
  es: mantenimiento, sobrecargad*, caido, caida, inaccesible, fuera de servicio, tiempo de espera, no responde,
      averia, problema tecnico, problemas tecnicos, desfase, desincronizad*
  pt: manutencao, sobrecarregad*, fora do ar, fora de servico, tempo esgotado, tempo limite, nao responde,
      problema tecnico, problemas tecnicos, dessincronizad*, defasagem
  it: manutenzione, sovraccaric*, non raggiungibil*, guasto, fuori servizio, tempo scaduto, timeout, non risponde,
      problema tecnico, problemi tecnici, sfasat*, non sincronizzat*
  pl: konserwacj*, przerw*, przeciążon*, przeciążeni*, awari*, nie odpowiada, przekroczono czas, prac* serwisow*,
      problem* techniczn*, rozbieżnoś*, niezsynchronizowan*
  ru: обслуживани*, перегруж*, перегрузк*, сбой, сбоя, авари*, профилактик*, неполадк*, не отвечает, тайм аут,
      таймаут, превышено время, техническ* работ*, технически* причин*, рассинхрон*, расходятся
  zh: 维护, 維護, 繁忙, 忙碌, 故障, 超时, 逾時, 过载, 宕机, 异常, 連線失敗, 连接失败, 未响应, 升级, 偏差, 不同步
  ja: メンテナンス, 混雑, 過負荷, タイムアウト, 応答がありません, 応答しません, 障害, 停止中, ずれ,
      同期されていません
  nl: onderhoud*, storing*, overbelast*, niet bereikbaar, onbereikbaar, reageert niet, verhuis*
  sv: underhåll*, ur funktion, driftstopp, överbelastad*, svarar inte, flyttas
  da: vedligehold*, ude af drift, overbelastet, svarer ikke, flyttes
  cs: údržb*, přetížen*, nedostupn*, výpadek
  tr: bakım*, aşırı yük*, yanıt vermiyor, kesinti*
  hu: karbantart*, túlterhel*, nem válaszol, nem elérhető, nem érhető el
  ko: 점검*, 장애*, 과부하*, 응답하지 않*, 응답이 없*
crash
  en: internal, exception, panic, crash*, assertion, fatal*, traceback, segmentation, segfault, unhandled,
      unexpected*, unspecified, bug, core dump*, i o error, read error, write error, system error, server error,
      service error, local error, temporary error, software error, technical*, null pointer, protocol failure, unknown
      error, general error, unrecoverable, abort, aborted, aborting, unable to process, could not process, cannot
      process, can t process, processing error, unable to complete, could not complete, read failure, write failure,
      unknown failure, something went wrong, went wrong, out of memory, lookup failure, lookup error, could not be
      completed, cannot be completed, not be completed, unable to perform, could not be processed,
      cannot be processed, bad protocol cancel
  de: interner, internes, interne, internen, unbekanntes problem, ausnahmefehler, absturz, abgestürzt, unerwartet*,
      systemfehler, serverfehler, technisch*, schwerwiegend*, unbekannter fehler
  fr: interne, inattendu*, erreur systeme, erreur serveur, erreur technique, technique*, fatale, erreur inconnue,
      probleme inconnu
  es: interno, interna, inesperad*, error del sistema, error del servidor, error de sistema, tecnico*, error
      desconocido, problema desconocido
  pt: interno, interna, inesperad*, erro do sistema, erro de sistema, erro no servidor, erro do servidor, tecnic*,
      erro desconhecido, problema desconhecido
  it: interno, interna, inattes*, imprevisto, errore di sistema, errore del server, tecnic*, errore sconosciuto,
      problema sconosciuto
  pl: wewnętrzn*, nieoczekiwan*, błąd systemu, błąd serwera, techniczn*, nieznany błąd, nieznany problem
  ru: внутренн*, непредвиденн*, неожиданн*, системн* ошибк*, ошибка сервера, ошибка системы, техническ*, неизвестная
      ошибка, неизвестная проблема
  zh: 内部, 內部, 系统错误, 系統錯誤, 服务器错误, 伺服器錯誤, 系统异常, 未知错误, 崩溃, 意外
  ja: 内部, 予期しない, 予期せぬ, システムエラー, サーバーエラー, サーバエラー, 不明なエラー, 内部エラー
  nl: interne fout, onverwacht*
  sv: internt fel, oväntat*
  da: intern fejl, uventet*
  cs: vnitřní chyb*, interní chyb*, neočekávan*
  tr: dahili hata, iç hata, beklenmeyen*
  hu: belső hiba, váratlan*
  ko: 내부 오류*, 예기치 않은*
temporary
  en: temporar*, temp failure, temp fail, transient*, momentarily, soft failure
  de: vorübergehend*, temporär*, zeitweise, zeitweilig*, kurzzeitig
  fr: temporair*, momentan*, provisoire*
  es: temporal*, momentane*, transitori*
  pt: temporari*, momentane*, transitori*
  it: temporane*, momentane*, provvisori*
  pl: tymczasow*, chwilow*, przejściow*
  ru: временн*
  zh: 暂时, 暫時, 临时, 臨時
  ja: 一時的, 一時
  nl: tijdelijk*
  sv: tillfällig*
  da: midlertidig*
  cs: dočasn*
  tr: geçici*
  hu: átmeneti*, ideiglenes*
  ko: 일시적*, 임시*
later
  en: later, try again, come back, again in, retry, re try, again soon, in a few minutes, in a few moments, some
      minutes, few minutes, try back, again shortly
  de: später, erneut versuchen, versuchen sie es erneut, noch einmal, nochmals, noch einmal versuchen, in einigen
      minuten, in wenigen minuten
  fr: plus tard, reessay*, ressay*, ulterieurement, quelques minutes, de nouveau, quelques instants
  es: mas tarde, intentelo de nuevo, intente de nuevo, intente nuevamente, vuelva a intentar*, unos minutos, reintent*
  pt: mais tarde, tente novamente, tente de novo, alguns minutos, alguns instantes
  it: piu tardi, riprova*, qualche minuto, di nuovo, qualche istante
  pl: później, spróbuj ponownie, ponownie, za kilka minut, za chwilę
  ru: позже, позднее, повторите, попробуйте, через несколько минут, снова
  zh: 稍后, 稍後, 稍候, 再试, 再試, 重试, 以后
  ja: 後ほど, しばらく, 後で, 再試行, もう一度, 時間をおいて
  nl: later, opnieuw, nogmaals, probeer het later, over enkele
  sv: senare, försök igen, om en stund, igen om
  da: senere, prøv igen, prøv igjen, igen om, om lidt
  cs: později, znovu, zkuste
  tr: daha sonra, tekrar deneyin, sonra, bir süre sonra, yeniden deneyin
  hu: később, próbálja újra, próbálja meg, próbálkozz*
  ko: 나중에*, 다시 시도*, 잠시 후*, 다시*
now
  en: at this time, at this moment, at the moment, currently, for now, for the moment, right now, at present,
      presently, not now, just now
  de: momentan*, derzeit*, zur zeit, im moment, gegenwärtig*, zurzeit
  fr: actuellement, pour le moment, en ce moment, pour l instant, pour l heure
  es: por el momento, en este momento, actualmente, de momento
  pt: no momento, neste momento, por enquanto
  it: al momento, in questo momento, attualmente
  pl: w tej chwili, obecnie
  ru: в данный момент, сейчас, в настоящее время
  zh: 目前, 当前
  ja: 現在, ただいま, ただ今
busy
  en: busy
  de: beschäftigt, ausgelastet
  fr: occupe, occupee
  es: ocupado, ocupada
  pt: ocupado, ocupada
  it: occupato, occupata
  pl: zajęt*
  ru: занят*
  zh: 忙
  ja: ビジー
problem
  en: problem*, trouble*, difficult*, issue, issues, stuck, blocked, lost, gone, exhausted
  de: problem*, schwierigkeit*
  fr: probleme*, incident*
  es: problema*, incidencia*
  pt: problema*
  it: problem*
  pl: problem*
  ru: проблем*
  zh: 问题
  ja: 問題, 不具合
unavailable
  en: unavailable, not available, isn t available, no longer available
  de: nicht verfügbar
  fr: indisponible*, non disponible, pas disponible
  es: no disponible, no esta disponible, indisponible
  pt: indisponivel, nao disponivel, nao esta disponivel
  it: non disponibil*, indisponibil*, non è disponibile
  pl: niedostępn*, nie jest dostępn*
  ru: недоступ*, не доступ*
  zh: 不可用, 不提供
  ja: 利用できません, 利用不可, ご利用いただけません
  nl: niet beschikbaar, onbeschikbaar
  sv: inte tillgänglig*, otillgänglig*
  da: ikke tilgængelig*, utilgængelig*, ikke tilgjengelig*
  cs: nedostupn*
  tr: kullanılamıyor, kullanılamaz
  hu: nem elérhető, nem érhető el
  ko: 사용할 수 없*, 이용할 수 없*
full
  en: full, no space, out of space, out of quota, over quota, overquota, disk full
  de: voll, kein platz
  fr: plein*, sature*
  es: lleno*, llena*, sin espacio
  pt: cheio, cheia, sem espaco
  it: pieno, piena, spazio esaurito
  pl: pełn*, brak miejsca
  ru: переполнен*, нет места
  zh: 已满, 空间不足
  ja: 一杯, 容量不足
idle
  en: idle*, inactivity, autologout, auto logout, autologoff, no activity, session expired, session timed out,
      session timeout, no commands, idle timeout, idle too long, inactivity timeout, session has expired, session is
      expired
  de: inaktivität, untätig*, leerlauf, sitzung ist abgelaufen, sitzung abgelaufen
  fr: inactivite, session a expire, session expiree
  es: inactividad, sesion ha expirado, sesion expirada, sesion ha caducado, sesion caducada
  pt: inatividade, sessao expirou, sessao expirada
  it: inattivita, sessione scaduta, sessione è scaduta
  pl: bezczynnoś*, sesja wygasła
  ru: бездейств*, неактивности, сессия истекла, сеанс истек, срок сессии
  zh: 空闲, 闲置, 无操作, 会话已过期, 会话过期, 会话超时
  ja: アイドル, 無操作, セッションの有効期限, セッションが切れ, セッションの期限
  nl: sessie is verlopen, sessie verlopen
  sv: sessionen har gått ut, session har gått ut
  da: session er udløbet, sessionen er udløbet
  cs: relace vypršela, platnost relace
  tr: oturumunuzun süresi, oturum süresi
  hu: munkamenet lejárt
  ko: 세션이 만료*, 세션 만료*
closed
  en: connection closed, connection is closed, closing connection, closing transmission, connection will be closed,
      closing, bye, good bye, goodbye, disconnecting, disconnected, hanging up, signing off, terminating connection,
      connection terminated, connection error, shutting down
  de: verbindung beendet, verbindung geschlossen, verbindung getrennt, auf wiedersehen
  fr: connexion fermee, connexion terminee, au revoir
  es: conexion cerrada, cerrando conexion, cerrando la conexion
  pt: conexao fechada, conexao encerrada, encerrando conexao
  it: connessione chiusa, chiusura della connessione
  pl: połączenie zamknięte, zamykam połączenie
  ru: соединение закрыто, соединение разорвано, соединение прервано
  zh: 连接已关闭, 连接关闭, 断开连接
  ja: 接続が切断, 接続を切断, 接続を閉じ
login_again
  en: relogin*, re login*, reauthenticat*, re authenticat*, log in again, authenticate again, log in twice,
      authenticate twice, second login, second authentication
  de: erneute anmeldung, erneut anmelden, erneute authentifizierung
  fr: reconnexion, nouvelle authentification
  es: volver a autenticar*, reautentica*
state
  en (gromox): state, stat, wrong state, already authenticated, out of order command
command
  en: command*, verb, syntax, keyword, argument*, parameter*, sequence, input, line, order
  de: befehl*, kommando, syntax, anweisung, parameter
  fr: commande*, syntaxe, parametre*
  es: comando*, orden, sintaxis, instruccion, parametro*
  pt: comando*, sintaxe, parametro*
  it: comando, comandi, sintassi, parametr*
  pl: polecen*, komend*, składni*, parametr*
  ru: команд*, синтаксис*, параметр*
  zh: 命令, 指令, 语法, 参数
  ja: コマンド, 構文, 引数
not_understood
  en: unknown, unrecogni*, not recogni*, unsupported, not supported, invalid, bad, error, illegal, not implemented,
      unimplemented, not understood, not valid, not permitted, out of sequence, wrong, missing, too long, unexpected,
      not allowed, not known, undefined, sequence
  de: unbekannt*, ungültig*, nicht unterstützt, nicht implementiert, nicht verstanden, falsch*, fehler
  fr: inconnu*, invalide*, non reconnu*, non supporte*, erreur, non implement*
  es: desconocid*, no valid*, no reconocid*, no soportad*, error, invalid*, no implement*
  pt: desconhecid*, invalid*, nao reconhecid*, nao suportad*, erro, nao implement*
  it: sconosciut*, non valid*, non riconosciut*, non supportat*, errore, non implement*
  pl: nieznan*, nieprawidłow*, błędn*, nieobsługiwan*, błąd
  ru: неизвестн*, неверн*, не поддержива*, нераспозн*, ошибк*, не реализ*
  zh: 未知, 无效, 不支持, 错误, 无法识别, 未实现
  ja: 不明, 無効, サポートされていません, 認識できません, エラー
not_implemented
  en: not implemented, unimplemented, not supported, unsupported, no such command, not available on this server
  de: nicht implementiert, nicht unterstützt
  fr: non implement*, non supporte*, pas supporte*
  es: no implement*, no soportad*
  pt: nao implement*, nao suportad*
  it: non implement*, non supportat*
  pl: nie zaimplementowan*, nieobsługiwan*
  ru: не реализ*, не поддержива*
  zh: 未实现, 不支持
  ja: 未実装, サポートされていません
protocol_error
  en: protocol error, protocol violation
  de: protokollfehler
  fr: erreur de protocole
  es: error de protocolo
  pt: erro de protocolo
  it: errore di protocollo
  pl: błąd protokołu
  ru: ошибка протокола
  zh: 协议错误
  ja: プロトコルエラー
damaged
  en: corrupt*, inconsistent
  de: beschädigt*
  fr: corrompu*
  es: corrupt*, dañad*
  pt: corrompid*
  it: corrott*, danneggiat*
  pl: uszkodzon*
  ru: поврежден*
  zh: 损坏
  ja: 破損
during
  en: during, while, whilst, in the course of, when processing, when trying, occurred in, halfway
  de: während, waehrend, mitten in, im laufe
  fr: pendant, lors du traitement, au cours
  es: durante, mientras, en el transcurso, al intentar
  pt: durante, enquanto, no decorrer
  it: durante, mentre, nel corso
  pl: podczas, w trakcie
  ru: во время, в процессе, в ходе
  zh: 過程中, 过程中, 期间
  ja: 処理中, 途中
broke_off
  zh: 时出错, 時出錯, 时发生错误, 时发生了错误, 時發生錯誤, 时出现错误, 时出了错, 时遇到错误, 时遇到问题,
      时出现问题, 过程出错, 过程中出错, 过程中发生错误, 过程中出现错误, 途中出错
  ja: 中にエラー, 中に問題, 中に障害, 際にエラー, 際に問題, 時にエラー, 時に問題, 中のエラー, 処理に失敗,
      変更できません, 変更に失敗
pam
  en: pam
"""
