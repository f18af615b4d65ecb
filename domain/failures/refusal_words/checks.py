"""What is looked at: by servers that check a password, by providers that want to see who it is, by administrators."""

WORDS = """
verify
  en: unlock, verify, confirm, security check, suspicious, unusual, security question*, hijack*, hacked, unblock,
      reactivat*, reactivate, phone number, verification required, verification needed, need verification,
      needs verification, needs to be verified, must be verified, must verify, confirmation required, prove,
      has been hacked, identity check, new place, new location, new device, new country, unrecogni*ed device,
      unknown device, unfamiliar*, unknown location, another country, different country
  de: bestätigen, bestätigung, bestätigt, entsperren, verifizier*, sicherheitsprüfung, verdächtig*, ungewöhnlich*,
      missbrauch*, freigeben, identität, neues gerät, neuen gerät, unbekanntes gerät, unbekannten gerät, neuer ort,
      neuen ort
  fr: verifie*, verification, confirmer, confirmez, deverrouill*, debloqu*, suspect*, inhabituel*, identite, nouvel
      appareil, appareil inconnu, nouveau lieu
  es: verifi*, confirm*, desbloque*, sospechos*, inusual*, identidad, comprometid*, nuevo dispositivo, dispositivo
      desconocido, nueva ubicacion
  pt: verifi*, confirm*, desbloque*, suspeit*, incomum, identidade, comprometid*, novo dispositivo, dispositivo
      desconhecido, novo local
  it: verific*, conferm*, sbloc*, sospett*, insolit*, identita, compromess*, nuovo dispositivo, dispositivo
      sconosciuto, nuova posizione
  pl: weryfik*, potwierd*, odblok*, podejrzan*, nietypow*, tożsamoś*, nowe urządzenie, nowego urządzenia, nieznane
      urządzenie, nieznanego urządzenia
  ru: подтвер*, разблокир*, подозрительн*, необычн*, проверк* безопасности, взлом*, новое устройство, нового
      устройства, неизвестного устройства, неизвестное устройство
  zh: 验证码, 驗證碼, 解锁, 解鎖, 安全验证, 可疑, 异常登录, 异地, 身份确认, 核实, 确认身份, 新设备, 陌生设备,
      新地点, 未知设备
  ja: 確認, 本人確認, ロック解除, 解除, 不審, 不正アクセス, 新しい端末, 不明な端末, 新しい場所
check
  en: check, checks, checked, validate, validated, validation, verification, look up
  de: prüfung*, passwortprüfung*, überprüf*, prüfen, geprüft, validier*, kontrollier*, abgleichen, abgeglichen
  fr: verification, verifier, controler, controle, controlee*, valider
  es: verificacion, comprobar, comprobad*, validar, validad*
  pt: verificacao, verificar, validar, validad*, conferir, conferid*
  it: verifica, controllo, controllare, controllat*, convalidar*, convalidat*
  pl: weryfikacja, zweryfikowa*, sprawdzeni*, sprawdzić, sprawdzon*
  ru: проверк*, проверить, проверен*, сверить
  zh: 校验, 核对
  ja: 照合, 検証
checking
  en: verification, validation, while checking, while verifying, while validating, verifying, validating, checking
  de: prüfung, überprüfung, passwortprüfung, passwortüberprüfung, kennwortprüfung, kennwortüberprüfung, verifizierung,
      validierung
  fr: verification, validation, controle du
  es: verificacion, comprobacion, validacion, al comprobar, al verificar, al validar
  pt: verificacao, validacao, ao verificar, ao validar
  it: verifica, controllo, convalida, validazione
  pl: weryfikacj*, sprawdzani*, sprawdzeni*
  ru: проверк*, сверк*
  zh: 校验, 校驗, 检验
  ja: 照合, 検証
unverifiable
  en: cannot be verified, could not be verified, unverifiable
  zh: 无法验证, 無法驗證, 无法校验, 無法校驗, 无法核对, 無法核對, 无法确认, 無法確認, 不能验证, 未能验证, 未能驗證,
      无法检验, 验证不了
  ja: 確認できま, 確認できない, 確認できなかった, 検証できま, 検証できない, 照合できま, 照合できない, 確認が取れま,
      確認がとれま, 検証に失敗
  nl: niet worden gecontroleerd, niet controleren, niet worden geverifieerd
  sv: inte kontrolleras, inte verifieras
  da: ikke kontrolleres, ikke kontrollere
  cs: nelze ověřit, ověřit nelze, neověřen*
  tr: doğrulanamad*, doğrulanamıyor
  hu: nem ellenőriz*
  ko: 확인할 수 없*, 검증할 수 없*, 확인하지 못*
captcha
  en: captcha*, robot, bot check, human, security challenge, challenge required, challenge question
  zh: 图形验证码, 滑动验证
  ja: 画像認証, キャプチャ
  ru: капч*
activity
  en: activity, activities, behavior, behaviour
  de: aktivität*
  fr: activite*
  es: actividad*
  pt: atividade*
  it: attivita
  pl: aktywnoś*
  ru: активност*, действи*
  zh: 活动, 行为
  ja: アクティビティ, 活動
by_administrator
  en: by administrator*, by the administrator*, by admin, by the admin, by an administrator, by policy, by the owner,
      by your organi*, by postmaster, by the postmaster, by the operator, by support, by staff, by abuse
  de: vom administrator, von der administration, durch den administrator, vom betreiber, vom anbieter, durch den
      betreiber
  fr: par l administrateur, par votre administrateur, par l administration, par l operateur
  es: por el administrador, por su administrador, por la administracion, por el operador
  pt: pelo administrador, pela administracao, por administrador, pelo operador
  it: dall amministratore, dal gestore, dall amministrazione
  pl: przez administratora, przez operatora
  ru: администратором, администрацией, оператором
  zh: 被管理员, 被管理員, 由管理员
  ja: 管理者により, 管理者によって
tell
  en: tell, decide, determine, say, know
  de: sagen, entscheiden, feststellen, ermitteln
  fr: dire, decider, determiner, savoir
  es: decir, decidir, determinar, saber
  pt: dizer, decidir, determinar, saber
  it: dire, decidere, determinare, stabilire
  pl: stwierdzić, ustalić, rozstrzygnąć
  ru: сказать, определить, установить, решить
  zh: 判断, 確定, 确定
  ja: 判断, 判別, 判定
  nl: vaststellen, bepalen
  sv: avgöra
  da: afgøre
  cs: určit, zjistit
policy
  en: password policy, password policies, policy requirement*, strength requirement*
  de: passwortrichtlinie*, kennwortrichtlinie*, richtlinie*
  fr: politique*
  es: politica*
  pt: politica*
  it: politica, politiche, criteri
  pl: polityk*
  ru: политик*
  zh: 密码策略, 密碼策略
  ja: ポリシー
  nl: wachtwoordbeleid, beleid
  sv: lösenordspolicy, lösenordsprincip*
  da: adgangskodepolitik*, politik
  cs: zásad*
  tr: politika*, ilke*
  hu: házirend*, szabályzat*
  ko: 정책*
"""
