"""Whom and what a refusal is about: people, what they log in with, and where to."""

WORDS = """
secret
  en: password*, passwd, pass word*, passphrase*, passcode*, pwd, credential*, pin, secret, login details,
      login data, api key*, login information, sign in details, access data, account details, digest*, apop digest*,
      user pass, user pass combination, user pass pair, passwort, passkey, user pass combo*, userpass,
      username pass, pasword*, passwrod*, passward*, psw, pswd, passw, your details, sign in data, credetial*
  de: kennwort, kennworts, kennwortes, kennwörter*, passwort, passworts, passwortes, passwörter*, passworteingabe,
      kennworteingabe, passwortangabe, passwortfehler, zugangsdaten, anmeldedaten, zugangsberechtigung,
      passwortprüfung*, benutzerdaten, logindaten, login daten, kennung, kenndaten, passphrase
  fr: mot de passe, mots de passe, mdp, code secret, donnees de connexion, informations de connexion, code d acces,
      phrase secrete
  es: contraseña*, clave, claves, credencial*, datos de acceso, datos de inicio de sesion, palabra clave, palabra de
      paso
  pt: senha*, palavra passe, credencia*, dados de acesso, dados de login, palavra chave, chave de acesso
  it: password, parola d ordine, credenzial*, dati di accesso, parola chiave, codice segreto, chiave di accesso
  pl: hasło, hasła, haslo, hasla, hasłem, haslem, dane logowania, dane dostępowe, hasło dostępu, dane do logowania
  ru: парол*, учетн* данн*, данн* для входа, пароль для входа, кодов* слово
  zh: 密码, 密碼, 口令, 授权信息, 凭据, 凭证, 登录信息, 通行码, 通行碼
  ja: パスワード, 暗証番号, 認証情報, ログイン情報, 合言葉, パスコード
  nl: inloggegevens, wachtwoord, wachtwoorden, toegangscode
  sv: inloggningsuppgift*, lösenord, lösenordet
  cs: hesl*, přihlašovací údaj*
  tr: şifre*, parola*, kimlik bilgi*
  hu: jelszó*, jelszava*, jelszav*
  ko: 비밀번호, 암호, 패스워드
  da: adgangskode, adgangskoden, kodeord, kodeordet, passord, passordet
user
  en: user, users, username*, user name*, userid, user id, login name*, login id, identity, subscriber, customer,
      usr, uname
  de: benutzer, benutzers, benutzern, benutzername*, benutzerkennung*, benutzerangabe*, benutzerid, nutzer, nutzers,
      nutzername*, nutzerkennung, anwender, anwendername*, teilnehmer*, kunde, kundennummer
  fr: utilisateur*, identifiant*, nom d utilisateur, abonne, client inconnu
  es: usuario*, nombre de usuario, identificador
  pt: usuario*, utilizador*, nome de usuario
  it: utente, utenti, nome utente, username
  pl: użytkownik*, nazwa użytkownika, nazwę użytkownika, loginu
  ru: пользовател*, имя пользователя, логин, логина, абонент*
  zh: 用户, 用戶, 用户名, 用戶名, 使用者
  ja: ユーザー, ユーザ, ユーザー名, ユーザ名, ユーザid, 利用者
  nl: gebruikersnaam, gebruiker, gebruikers
  sv: användarnamn*, användare, användaren, användarens
  da: bruger, brugeren, brugernavn*, bruker, brukeren, brukernavn*
  cs: uživatel*, uživatelské jméno, jméno, jména
  tr: kullanıcı*, kullanıcı adı
  hu: felhasználói név, felhasználó, felhasználója, felhasználónak, felhasználónév, felhasználónevet
  ko: 사용자, 아이디, 사용자명, 사용자이름, 회원
account
  en: account*, acct, profile
  de: konto, kontos, benutzerkonto, postfachkonto, account
  fr: compte*
  es: cuenta*
  pt: conta, contas
  it: account, conto
  pl: konto, konta, kontem
  ru: учетн* запис*, аккаунт*
  zh: 帐号, 账号, 帳號, 账户, 帐户, 帳戶, 賬號
  ja: アカウント
  nl: account*, rekening
  sv: konto, kontot
  da: konto, kontoen
  cs: účet, účtu, konto
  tr: hesap*, hesab*
  hu: fiók, fiókja, fiókot
  ko: 계정
mailbox
  en: mailbox*, mail box*, maildrop*, mail drop*, inbox, mail file*, mail folder*, mail spool*, spool file, mailfile,
      mail queue, spool, drop, mail store of, mbox
  de: postfach, postfaches, postfächer, mailbox, briefkasten
  fr: boite*, boite aux lettres, boite mail, bal
  es: buzon*, casilla*
  pt: caixa postal, caixa de correio, caixa de entrada
  it: casella*
  pl: skrzynk*
  ru: ящик*, почтов* ящик*
  zh: 邮箱, 郵箱, 信箱, 邮件箱
  ja: メールボックス, 郵便受け
  nl: mailbox*, postbus, postvak
  cs: schránk*
  tr: posta kutu*, gelen kutu*
  hu: postaládát, postafiók, postafiókja, postaláda, postaládája
  ko: 메일함, 편지함, 사서함, 메일박스
  sv: brevlåda, brevlådan, postlåda, postlådan, inkorg, inkorgen
  da: postkasse, postkassen, postboks, postboksen, indbakke, indbakken
login
  en: login*, log in, logging in, logon*, log on, logging on, sign in, signin, sign on, signing in, authenticat*,
      authoriz*, authoris*, auth, authn, logged in, logged on, sasl auth, sasl authentication, sasl login,
      sasl plain, sasl login authentication, sasl plain authentication, plain auth, login authentication,
      plain authentication, cram md5 authentication, digest md5 authentication, apop authentication,
      pam authentication, polling, auth exchange, authenticationfailed, authfailed, authfailure, loginfailed,
      loginfailure, password authentication, password based authentication, plain login, log you in, sign you in,
      log me in
  de: anmelden, anmeldung, anmeldungen, anmeldefehler, anmeldename*, anmeldevorgang*, anmeldevers*, anmeldeproblem*,
      anmelde, anmeldet, einlogg*, login, authentifizierung, authentifizieren, authentifiziert*,
      authentifizierungsfehler, authentifizierungsvorgang, authentisierung, authentisieren, authentisiert,
      autorisierung, autorisieren, autorisiert, autorisierungsfehler, anzumelden, melden sie sich, melde dich, loggen
      sie, abruf, einwahl
  fr: authentif*, connexion, connecter, identification, se connecter, ouverture de session, connectez
  es: autentica*, autentifica*, inicio de sesion, iniciar sesion, iniciar la sesion, autoriza*, identificacion
  pt: autentica*, login, logon, entrar, iniciar sessao, autoriza*
  it: autenticazion*, autentica*, login, autorizz*, entrata
  pl: logowani*, zalogowa*, uwierzytelni*, autoryza*, autentyka*, zaloguj, zalogowan*
  ru: вход, входа, войти, авториз*, аутентифик*, войдите
  zh: 登录, 登錄, 登陆, 登陸, 登入, 认证, 認證, 验证, 驗證, 身份验证, 鉴权
  ja: ログイン, ログオン, 認証, サインイン
  nl: aanmelden, aanmelding, inloggen, login, inlog, authenticatie, verificatie
  sv: inloggning*, logga in, autentisering*
  da: login, logge ind, logge på, pålogging, indlogning, godkendelse, autentificering
  cs: přihlášení, přihlásit, přihlašování, autentizac*, ověření
  tr: giriş, girişi, oturum açma, kimlik doğrulama*, doğrulama
  hu: bejelentkez*, belép*, hitelesít*, azonosítás*
  ko: 로그인, 인증, 접속
access
  en: access, accessing, accessed
  de: zugang, zugriff, zugänge
  fr: acces
  es: acceso, acceder
  pt: acesso, acessar
  it: accesso, accedere
  pl: dostęp, dostępu
  ru: доступ, доступа
  zh: 访问, 存取
  ja: アクセス
thing
  en: session*, spool file*, status, state, states, mapping*, folder*, director*, maildir*, inbox, file, files,
      filepath, mailbox guid*, user guid*, account guid*, condition*, owner*, ownership, permission*, uid, gid, acl,
      acls, context*, preferences, settings, home, profile data, handle*, descriptor*, migration, subscription*,
      flags, namespace*, shard*, routing*, assignment*, association*, location*, placement*, map, maps, in map,
      in the map, in maps, in routing, in index, in the index, in cache, in the cache, in shard*, routing,
      alias map, realm*, spool node*, home node*, home server*, spool, spools, maildrop file*, region*, zone*, area,
      cell, pod, pods, ring, partition*, table, tables, list, registry, register, cluster*, tree, tenant, hive,
      store entry, user agent*, token*, cookie*, vault*, context token, mail file*, mailfile*, mail folder*,
      mail spool*, mail queue, query, queries, statement*, lookup*
  de: sitzung*, status, zustand, kontostatus, kontozustand, zuordnung*, benutzerzuordnung*, ordner*, verzeichnis*,
      benutzerverzeichnis*, benutzersitzung*, postfachdatei*, postfachordner*, datei, dateien, eigentümer*,
      besitzer*, berechtigungen, zugriffsrechte, profil, benutzerprofil*, einstellungen, kontext, standort*,
      speicherort*, ablageort*, realm, bereich, zuweisung*, zone*, region*, knoten, bereiche, tabelle*, liste,
      register, verzeichniseintrag, partition*, mandant*, token*, tresor*, schlüsselbund
  fr: session*, profil*, statut, etat, correspondance*, dossier*, repertoire*, fichier*, proprietaire*, droits,
      permissions, reglages, contexte, association, emplacement*, localisation, table de correspondance,
      affectation, realm, royaume, zone*, region*, noeud*, table, tables, liste, registre, partition*, grappe,
      jeton*, token*, coffre*
  es: sesion, sesiones, perfil*, estado, asignacion, asociacion, correspondencia, carpeta*, directorio*, archivo*,
      fichero*, propietario*, permisos, contexto, ubicacion*, emplazamiento*, localizacion*, tabla de asignacion,
      mapa, zona*, region*, nodo*, tabla*, lista*, particion*, reino, grupo, token*, ficha de sesion, almacen*,
      boveda*
  pt: sessao, sessoes, perfil*, perfis, estado, status, mapeamento, associacao, pasta, pastas, diretorio*,
      ficheiro*, arquivo*, dono, proprietario*, permissoes, contexto, localizacao, localizacoes, mapa,
      tabela de mapeamento, atribuicao, zona*, regiao, regioes, tabela*, lista*, particao, reino, token*, cofre*,
      armazem
  it: session*, profil*, stato, mappatura, associazione, cartell*, directory, file, proprietari*, permessi,
      contesto, posizione, ubicazione, collocazione, mappa, assegnazione, zona, zone, regione, nodo, tabella,
      tabelle, elenco, lista, partizione, reame, regno, token*, magazzino, cassaforte
  pl: sesj*, profil*, stan, status, stanu, mapowani*, przypisani*, folder*, katalog*, plik*, właściciel*,
      uprawnieni*, kontekst*, położeni*, lokalizacj*, umiejscowieni*, mapie, mapy, mapa, stref*, region*, węz*,
      tabel*, list, lista, listy, partycj*, rejestr*, token*, sejf*, magazyn*
  ru: сесси*, сеанс*, профил*, путь к, состояни*, статус*, сопоставлени*, привязк*, папк*, каталог*, директори*,
      файл*, владел*, прав, права, контекст*, расположени*, местоположени*, размещени*, карт*, привязка, зон*,
      регион*, узел, узла, таблиц*, список, списк*, раздел*, реестр*, кластер*, токен*, маркер*
  zh: 会话, 會話, 配置, 状态, 狀態, 映射, 关联, 文件夹, 文件, 目录, 目錄, 路径, 属主, 权限, 上下文, 会话状态, 位置,
      位址, 映射表, 归属, 分区, 區域, 区域, 节点, 節點, 库, 庫, 表, 列表, 分片, 集群, 域, 登记, 令牌, 权杖, 保险库
  ja: セッション, プロファイル, パス, 状態, ステータス, マッピング, 割り当て, フォルダ, フォルダー, ディレクトリ,
      ファイル, 所有者, 権限, コンテキスト, 場所, 所在, 位置, マップ, 割当, 領域, 区画, ノード, テーブル, 表, 一覧,
      保管庫, 台帳, クラスタ, トークン, 金庫
  nl: domein*, map, tabel, lijst, gids, bestand, gebruikersdomein, gebruikerstabel, zone, regio, sessie*, token*,
      kluis
  sv: katalog*, tabell*, lista, domän*, mapp, fil, zon, region, session*, token*, valv*
  da: katalog*, tabel*, liste, domæne*, mappe, fil, zone, region, session*, token*, boks
  cs: adresář*, tabulk*, seznam*, domén*, soubor*, složk*, oblast*, uzel, databáz*, relac*, token*, trezor*
  tr: dizin*, tablo*, liste*, alan, alanı, dosya*, bölge*, düğüm*, oturum*, jeton*, kasa
  hu: könyvtár*, táblázat*, tábla, lista, tartomány*, fájl*, mappa, zóna, régió, munkamenet*, token*, széf
  ko: 디렉터리*, 디렉토리*, 테이블*, 목록*, 도메인*, 파일*, 폴더*, 영역*, 노드*, 세션*, 토큰*
data
  en: data, details, information, info
  de: daten, benutzerdaten, kontodaten, nutzerdaten, postfachdaten, kundendaten
  fr: donnee*, informations
  es: datos, informacion
  pt: dados, informacoes
  it: dati, informazioni
  pl: dane, danych
  ru: данн*, информаци*
  zh: 数据, 資料, 资料, 信息
  ja: データ, 情報
right
  en: rights, right, permission*, privilege*, entitle*
address
  en: address*, e mail address*, email address*, email, e mail
  de: adresse*, e mail adresse*
  fr: adresse*
  es: direccion*
  pt: endereco*
  it: indirizzo
  pl: adres*
  ru: адрес*
  zh: 地址
  ja: アドレス
domain
  en: domain*, tenant*, organi*
  de: domain*, domäne*
  fr: domaine*
  es: dominio*
  pt: dominio*
  it: dominio
  pl: domen*
  ru: домен*
  zh: 域名, 域
  ja: ドメイン
self
  en: account, identity, yourself, that it s you, it s you, you are, mailbox, ownership, phone, number, who you are,
      is you
  de: konto, identität, postfach
  fr: compte, identite, boite
  es: cuenta, identidad, buzon
  pt: conta, identidade, caixa
  it: account, identita, casella
  pl: konto, konta, tożsamość, skrzynk*
  ru: аккаунт*, учетн* запис*, личность, ящик*
  zh: 账号, 帐号, 帳號, 身份, 账户, 邮箱
  ja: アカウント, 本人, メールボックス
contact
  en: contact your, contact the, contact support, please contact, call support, administrator*, helpdesk, help desk,
      customer service
  de: administrator*, wenden sie sich, kundendienst
  fr: contactez, contacter, administrateur
  es: contacte, administrador
  pt: contate, entre em contato, administrador
  it: contattare, contatta, amministratore
  pl: skontaktuj, administrator*
  ru: обратитесь, администратор*
  zh: 联系, 管理员
  ja: 管理者, お問い合わせ
polite
  en: please, kindly
  de: bitte
  fr: veuillez, merci de
  es: por favor
  pt: por favor
  it: si prega, per favore
  pl: prosze, proszę
  ru: пожалуйста
  zh: 请, 請
  ja: してください, 下さい, ください
stranger
  en: don t know who you are, do not know who you are, don t know you, do not know you, don t recogni*e you,
      do not recogni*e you, who are you, never met you, no account with that, no user with that, no user by that,
      no account by that, no account of that, no user of that, no account under that, nobody by that name,
      no one by that name
  de: kenne sie nicht, kennen sie nicht, wir kennen dich nicht, wer sind sie
  fr: ne vous connai*, qui etes vous
  es: no le conoce*, no te conoce*, quien es usted
  pt: nao conhecemos voce, quem e voce
  it: non la conosc*, non ti conosc*, chi sei
  ru: мы вас не знаем, вы нам не известны, не знаю вас
  zh: 不认识你, 不認識你, 不认识您
  ja: あなたを知りません
password_is_right
  en: not because of your password, not your password, password is right but, password is correct but,
      password was correct but, password correct but, password ok but, password is fine, password is ok,
      password is not the problem, password accepted, password was accepted, credentials accepted,
      credentials are fine, not a password problem
  de: liegt nicht am passwort, liegt nicht am kennwort, passwort ist richtig aber, kennwort ist richtig aber,
      passwort angenommen, kennwort angenommen
  fr: mot de passe accepte, mot de passe est bon mais, mot de passe correct mais
  es: contraseña aceptada, contraseña es correcta pero, contraseña correcta pero
  pt: senha aceita, senha esta correta mas, senha correta mas
  it: password accettata, password è corretta ma, password corretta ma
  pl: hasło przyjęte, hasło jest poprawne ale, hasło poprawne ale
  ru: пароль принят, пароль верный но, пароль верен но
  zh: 密码正确但, 密码已通过, 密码无误但
  ja: パスワードは正しいですが, パスワードは正しいが
"""
