import dev.sigstore.KeylessVerifier;
import dev.sigstore.TrustedRootProvider;
import dev.sigstore.VerificationOptions;
import dev.sigstore.VerificationOptions.CertificateMatcher;
import dev.sigstore.bundle.Bundle;
import dev.sigstore.strings.StringMatcher;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Verifies a Sigstore bundle about a file with sigstore-java alone, which judges certificates only.
 *
 * <p>sigstore-java-verify ROOT BUNDLE FILE IDENTITY ISSUER
 *
 * <p>Exit status 0: verified; 1: not, and stderr says why.
 */
public final class SigstoreJavaVerify {
  private SigstoreJavaVerify() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 5) {
      throw new IllegalArgumentException("ROOT BUNDLE FILE IDENTITY ISSUER");
    }
    var who =
        CertificateMatcher.fulcio()
            .subjectAlternativeName(StringMatcher.string(arguments[3]))
            .issuer(StringMatcher.string(arguments[4]))
            .build();
    var verifier =
        KeylessVerifier.builder()
            .trustedRootProvider(TrustedRootProvider.from(Path.of(arguments[0])))
            .build();
    verifier.verify(
        Path.of(arguments[2]),
        Bundle.from(Path.of(arguments[1]), StandardCharsets.UTF_8),
        VerificationOptions.builder().addCertificateMatchers(who).build());
  }
}
