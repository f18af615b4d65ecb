"""Whom and what a refusal is about: people, what they log in with, and where to."""

WORDS = """
secret
  en: password*, passwd, pass word*, passphrase*, passcode*, pwd, credential*, pin, secret, login details,
      login data, api key*, login information, sign in details, access data, account details, digest*, apop digest*,
      user pass, user pass combination, user pass pair, passwort, passkey, user pass combo*, userpass,
      username pass, pasword*, passwrod*, passward*, psw, pswd, passw, your details, sign in data, credetial*
  de: kennwort, kennworts, kennwortes, kennwörter*, passwort, passworts, passwortes, passwörter*, passworteingabe,
      kennworteingabe, passwortangabe, passwortfehler, zugangsdaten, anmeldedaten, zugangsberechtigung,
      passwortprüfung*, benutzerdaten, logindaten, login daten, kennung, kenndaten, passphrase,
      benutzerberechtigung*, berechtigungsnachweis*, zugangskennwort*, anmeldeinformation*, zugangsinformation*,
      zugriffsdaten
  fr: mot de passe, mots de passe, mdp, code secret, donnees de connexion, informations de connexion, code d acces,
      phrase secrete, informations d identification, identifiants et mot, donnees d identification, donnees d acces,
      identifiants de connexion, informations d authentification, identifications
  es: contraseña*, clave, claves, credencial*, datos de acceso, datos de inicio de sesion, palabra clave, palabra de
      paso, informacion de acceso, informacion de inicio, pin, datos de autenticacion, datos de identificacion
  pt: senha*, palavra passe, credencia*, dados de acesso, dados de login, palavra chave, chave de acesso, dados de
      autenticacao, dados de identificacao, informacoes de acesso, informacoes de login
  it: password, parola d ordine, credenzial*, dati di accesso, parola chiave, codice segreto, chiave di accesso,
      dati di autenticazione, dati di login, informazioni di accesso, dati per l accesso
  pl: hasło, hasła, haslo, hasla, hasłem, haslem, dane logowania, dane dostępowe, hasło dostępu, dane do logowania,
      dane uwierzytelni*, danych uwierzytelni*, danych logowania, danymi logowania, haseł, poświadcze*, dane do
      uwierzytelni*
  ru: парол*, учетн* данн*, данн* для входа, пароль для входа, кодов* слово, реквизит* для входа, данны*
      авторизации, данны* для авторизации, пароля, кода доступа, код доступа
  zh: 密码, 密碼, 口令, 授权信息, 凭据, 凭证, 登录信息, 通行码, 通行碼, 凭證, 憑證, 认证信息, 身份信息, 登入資訊,
      登录凭据, 身份凭据
  ja: パスワード, 暗証番号, 認証情報, ログイン情報, 合言葉, パスコード, 資格情報, 資格認定, 認証データ, 認証の情報, 信任状
  nl: inloggegevens, wachtwoord, wachtwoorden, toegangscode, legitimatiegegevens, aanmeldgegevens, logingegevens,
      inlogcode, toegangsgegevens, gebruikersgegevens, referenties, wachtwoord*, login gegevens, inlog gegevens
  sv: inloggningsuppgift*, lösenord, lösenordet, användarreferens*, autentiseringsuppgift*, referenser,
      inloggningsinformation, kontouppgifter, användaruppgifter, uppgifter
  cs: hesl*, přihlašovací údaj*, přihlašovací*, uživatelské údaj*, uživatelských údaj*, hesel, heslo
  tr: şifre*, parola*, kimlik bilgi*, giriş bilgi*, oturum bilgi*, kullanıcı bilgi*, kimlik doğrulama bilgi*
  hu: jelszó*, jelszava*, jelszav*, belépési adat*, bejelentkezési adat*, hitelesítési adat*, azonosító adat*,
      hitelesítő adat*
  ko: 비밀번호, 암호, 패스워드, 자격 증명*, 자격증명*, 인증 정보*, 로그인 정보*, 인증정보*, 비번*, 패스워드*
  da: adgangskode, adgangskoden, kodeord, kodeordet, passord, passordet, brugeroplysning*, legitimationsoplysning*,
      loginoplysning*, legitimation, kodeord*, adgangskode*, påloggingsinformasjon, oplysninger, login oplysninger
user
  en: user, users, username*, user name*, userid, user id, login name*, login id, identity, subscriber, customer,
      usr, uname, usercode*, user code*, screen name*, screenname*, member id, member name, logon name*, logon id,
      sign in name, sign on name
  de: benutzer, benutzers, benutzern, benutzername*, benutzerkennung*, benutzerangabe*, benutzerid, nutzer, nutzers,
      nutzername*, nutzerkennung, anwender, anwendername*, teilnehmer*, kunde, kundennummer, loginname*,
      nutzerkonto*, benutzeridentität
  fr: utilisateur*, identifiant*, nom d utilisateur, abonne, client inconnu, nom utilisateur, nom d usager, usager*,
      pseudo, identifiants
  es: usuario*, nombre de usuario, identificador, nombre usuario, identificador de usuario
  pt: usuario*, utilizador*, nome de usuario, nome utilizador, identificador
  it: utente, utenti, nome utente, username, identificativo
  pl: użytkownik*, nazwa użytkownika, nazwę użytkownika, loginu, nazw* użytkownik*, identyfikator*
  ru: пользовател*, имя пользователя, логин, логина, абонент*, имени пользователя, учетное имя, логину
  zh: 用户, 用戶, 用户名, 用戶名, 使用者
  ja: ユーザー, ユーザ, ユーザー名, ユーザ名, ユーザid, 利用者, ログイン名, ログインid, ユーザーid, アカウント名
  nl: gebruikersnaam, gebruiker, gebruikers, gebruikersnamen, gebruikersid, loginnaam
  sv: användarnamn*, användare, användaren, användarens, användarid*, inloggningsnamn
  da: bruger, brugeren, brugernavn*, bruker, brukeren, brukernavn*, brugerid*, brugernavnet, brugere
  cs: uživatel*, uživatelské jméno, jméno, jména, uživatelsk* jmén*, přihlašovac* jmén*
  tr: kullanıcı*, kullanıcı adı, kullanıcı adı*, kullanıcı adınız*, üye*
  hu: felhasználói név, felhasználó, felhasználója, felhasználónak, felhasználónév, felhasználónevet, felhasználói
      nev*, felhasználónev*, felhasználó*
  ko: 사용자, 아이디, 사용자명, 사용자이름, 회원, 유저*, 이용자*, 사용자 이름*, id를, id가, id는
account
  en: account*, acct, profile
  de: konto, kontos, benutzerkonto, postfachkonto, account, benutzerkontos, nutzerkonto, nutzerkontos,
      benutzeraccount, benutzerzugang, accounts, konten, benutzerkonten
  fr: compte*, compte utilisateur, comptes
  es: cuenta*, cuenta de usuario
  pt: conta, contas, conta do usuario, conta de usuario, conta de utilizador
  it: account, conto, account utente, utenza
  pl: konto, konta, kontem, kont, kontu
  ru: учетн* запис*, аккаунт*, учетк*, профил*
  zh: 帐号, 账号, 帳號, 账户, 帐户, 帳戶, 賬號
  ja: アカウント
  nl: account*, rekening, gebruikersaccount*, e mailaccount*
  sv: konto, kontot, användarkonto*, användarkontot
  da: konto, kontoen, brugerkonto*, brukerkonto*
  cs: účet, účtu, konto, účtem, uživatelsk* účet, uživatelsk* účtu
  tr: hesap*, hesab*, hesabınız*, kullanıcı hesab*
  hu: fiók, fiókja, fiókot, fiókod*, fiókja*, felhasználói fiók*, fiókhoz
  ko: 계정, 계정*, 사용자 계정*
mailbox
  en: mailbox*, mail box*, maildrop*, mail drop*, inbox, mail file*, mail folder*, mail spool*, spool file, mailfile,
      mail queue, spool, drop, mail store of, mbox
  de: postfach, postfaches, postfächer, mailbox, briefkasten
  fr: boite*, boite aux lettres, boite mail, bal
  es: buzon*, casilla*
  pt: caixa postal, caixa de correio, caixa de entrada, caixa, caixas
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
  sv: brevlåda, brevlådan, postlåda, postlådan, inkorg, inkorgen, postlådans, brevlådans
  da: postkasse, postkassen, postboks, postboksen, indbakke, indbakken, postkassens
login
  en: login*, log in, logging in, logon*, log on, logging on, sign in, signin, sign on, signing in, authenticat*,
      authoriz*, authoris*, auth, authn, logged in, logged on, sasl auth, sasl authentication, sasl login, sasl
      plain, sasl login authentication, sasl plain authentication, plain auth, login authentication, plain
      authentication, cram md5 authentication, digest md5 authentication, apop authentication, pam authentication,
      polling, auth exchange, authenticationfailed, authfailed, authfailure, loginfailed, loginfailure, password
      authentication, password based authentication, plain login, log you in, sign you in, log me in,
      preauthentication*, pre authentication*, preauth
  de: anmelden, anmeldung, anmeldungen, anmeldefehler, anmeldename*, anmeldevorgang*, anmeldevers*, anmeldeproblem*,
      anmelde, anmeldet, einlogg*, login, authentifizierung, authentifizieren, authentifiziert*,
      authentifizierungsfehler, authentifizierungsvorgang, authentisierung, authentisieren, authentisiert,
      autorisierung, autorisieren, autorisiert, autorisierungsfehler, anzumelden, melden sie sich, melde dich,
      loggen sie, abruf, einwahl, anmeldeversuch fehl*, authentifizierung*, authentisierung*
  fr: authentif*, connexion, connecter, identification, se connecter, ouverture de session, connectez,
      authentification*, ouverture de la session, connexion au compte
  es: autentica*, autentifica*, inicio de sesion, iniciar sesion, iniciar la sesion, autoriza*, identificacion
  pt: autentica*, login, logon, entrar, iniciar sessao, autoriza*
  it: autenticazion*, autentica*, login, autorizz*, entrata
  pl: logowani*, zalogowa*, uwierzytelni*, autoryza*, autentyka*, zaloguj, zalogowan*, uwierzytelnieni*, zalogować
  ru: вход, входа, войти, авториз*, аутентифик*, войдите, проверк* подлинност*, подлинност*, входе
  zh: 登录, 登錄, 登陆, 登陸, 登入, 认证, 認證, 验证, 驗證, 身份验证, 鉴权
  ja: ログイン, ログオン, 認証, サインイン, サインオン, 認証処理
  nl: aanmelden, aanmelding, inloggen, login, inlog, authenticatie, verificatie, authenticatiefout, authenticatie*,
      aanmeld*, inlogg*, aanmeldpoging*, legitimatie, inlogfout, aanmeldfout
  sv: inloggning*, logga in, autentisering*, autentiserings*, inloggnings*, inloggad, autentiseringsfel,
      inloggningsfel
  da: login, logge ind, logge på, pålogging, indlogning, godkendelse, autentificering, godkendelses*,
      autentificering*, autentisering*, autentifikation*, logind, log ind, logger ind, loginfejl
  cs: přihlášení, přihlásit, přihlašování, autentizac*, ověření, ověřen*, ověřován*, přihlášen*, autentifikac*
  tr: giriş, girişi, oturum açma, kimlik doğrulama*, doğrulama, yetkilendirme*, oturum aç*, kimlik doğrula*, giriş
      yap*
  hu: bejelentkez*, belép*, hitelesít*, azonosítás*, azonosít*
  ko: 로그인, 인증, 접속, 로그인*, 인증*
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
      register, verzeichniseintrag, partition*, mandant*, token*, tresor*, schlüsselbund, authentifizierungstoken*,
      anmeldetoken*
  fr: session*, profil*, statut, etat, correspondance*, dossier*, repertoire*, fichier*, proprietaire*, droits,
      permissions, reglages, contexte, association, emplacement*, localisation, table de correspondance,
      affectation, realm, royaume, zone*, region*, noeud*, table, tables, liste, registre, partition*, grappe,
      jeton*, token*, coffre*
  es: sesion, sesiones, perfil*, estado, asignacion, asociacion, correspondencia, carpeta*, directorio*, archivo*,
      fichero*, propietario*, permisos, contexto, ubicacion*, emplazamiento*, localizacion*, tabla de asignacion,
      mapa, zona*, region*, nodo*, tabla*, lista*, particion*, reino, grupo, token*, ficha de sesion, almacen*,
      boveda*, testigo*
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
  en: e mail address*, email address*, mail address*, email, e mail, this address, that address, your address
  de: e mail adresse*, mailadresse*
  fr: adresse mail*, adresse e mail*, adresse electronique*
  es: direccion de correo, direccion de e mail, direccion email, correo electronico
  pt: endereco de e mail, endereco de email, endereco eletronico
  it: indirizzo e mail, indirizzo email, indirizzo di posta
  pl: adres* e mail, adres* mail*, adres* poczt*
  ru: адрес* почт*, почтов* адрес*, адрес* электронн*
  zh: 邮件地址, 邮箱地址, 郵件地址, 郵箱地址
  ja: メールアドレス
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
  nl: neem contact, contacteer, beheerder*
  sv: kontakta, administratör*
  da: kontakt, administrator*
  cs: kontaktujte, správc*
  tr: iletişim*, yönetici*
  hu: lépjen kapcsolatba, rendszergazda*, adminisztrátor*
  ko: 문의*, 관리자*
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
